"""What a backbone is: preprocessing and network in one. Knows no family and no file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.backbones.grids import on_one_grid
from inference.backbones.precision import answers, enough_for, noise

Tensors = Mapping[str, NDArray[Any]]


class Backbone(nn.Module):
    """Preprocessing and network in one: pixels in, features on a grid out."""

    def __init__(
        self,
        spec: dict[str, Any],
        network: nn.Module,
        channels: int,
        stored: Tensors | None = None,
    ) -> None:
        """``stored``: what the artefact carries, if the network was changed to run faster."""
        super().__init__()
        self._stored = stored
        self._enough: torch.dtype | None = None
        self.spec = spec  # plain values that ``restore`` rebuilds it from
        self.channels = channels
        self.network = network
        self.register_buffer("mean", _per_channel(spec["mean"]), persistent=False)
        self.register_buffer("std", _per_channel(spec["std"]), persistent=False)
        self.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return self.get_buffer("mean").device

    @torch.inference_mode()
    def levels(self, batch: Tensor) -> list[Tensor]:
        """(B, 3, H, W), uint8 or float 0..1, to float32 (B, C_i, h_i, w_i), finest grid first."""
        return answers(self.network, self.normalised(batch), self._bits(batch.shape[-1]))

    def _bits(self, side: int) -> torch.dtype:
        """In what a forward pass is computed; asked once, when the backbone is where it works."""
        if self.device.type != "cuda":
            return torch.float32
        if self._enough is None:
            self._enough = enough_for(self.network, self.normalised(noise(side, self.device)))
        return self._enough

    def extract(self, batch: Tensor) -> Tensor:
        """The same as one float32 (B, C, h, w) on the finest grid, levels side by side."""
        return on_one_grid(self.levels(batch))

    def normalised(self, batch: Tensor) -> Tensor:
        """(B, 3, H, W), uint8 or float 0..1, as the network was taught to see it."""
        values = batch.float().div_(255) if batch.dtype == torch.uint8 else batch.clone()
        values.sub_(self.get_buffer("mean")).div_(self.get_buffer("std"))
        return values.contiguous(memory_format=torch.channels_last)

    def weights(self) -> dict[str, NDArray[Any]]:
        """What the artefact has to carry, floats as float16."""
        if self._stored is not None:
            return dict(self._stored)
        return stored(self.network)

    def digest(self) -> str:
        """sha256 of the weights: a spec does not tell two files of one model apart."""
        found = hashlib.sha256()
        for name, value in sorted(self.weights().items()):
            found.update(name.encode() + value.tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Source:
    """Where a backbone's weights are published, and on what terms."""

    urls: tuple[str, ...]  # several = the files of one folder, the weights last
    licence: str

    @property
    def url(self) -> str:
        return self.urls[-1]


NOT_STATED = "not stated: ask before you use it"  # of a licence


def stored(network: nn.Module) -> dict[str, NDArray[Any]]:
    """A network's state as the artefact holds it."""
    return {name: half(value).numpy(force=True) for name, value in network.state_dict().items()}


def half(value: Tensor) -> Tensor:
    """Weights as the artefact holds them; whoever opens a file rounds them at once."""
    return value.half() if value.is_floating_point() else value


def _per_channel(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1)
