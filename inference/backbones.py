"""Patch features by name: the one file that knows timm. Knows no detector and no threshold.

- ``builtin``: fixed filters, no weights (``inference.filterbank``).
- ``timm:<model>@<file.safetensors>``: strides 8 and 16 of a timm CNN on one stride-8 grid.

A backbone travels inside the artefact: its weights (float16) and the spec that rebuilds it. So
weights are rounded to float16 when they are opened, and a detector that was just fitted equals
the one that is loaded later. Nothing here reaches for the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models.efficientnet import EfficientNetFeatures
from torch import Tensor, nn
from torch.nn import functional

from inference.filterbank import VERSION, FilterBank
from inference.zoo import UnknownName

STRIDES = (8, 16)

# What the weights at hand need and their model's own config does not say: the TensorFlow
# originals pad like TensorFlow and take inputs of -1 to 1.
TENSORFLOW_LIKE = {"mobilenetv2_100"}

Tensors = Mapping[str, NDArray[Any]]


class Backbone(nn.Module):
    """Preprocessing and network in one: pixels in, features on a stride-8 grid out."""

    def __init__(self, spec: dict[str, Any], network: nn.Module, channels: int) -> None:
        super().__init__()
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
        values = batch.float() / 255 if batch.dtype == torch.uint8 else batch
        values = (values - self.get_buffer("mean")) / self.get_buffer("std")
        maps = self.network(values.contiguous(memory_format=torch.channels_last))
        return maps if isinstance(maps, list) else [maps]

    def extract(self, batch: Tensor) -> Tensor:
        """The same as one float32 (B, C, ceil(H / 8), ceil(W / 8)), levels side by side."""
        return _on_one_grid(self.levels(batch))

    def weights(self) -> dict[str, NDArray[Any]]:
        """What the artefact has to carry, floats as float16."""
        state = self.network.state_dict()
        return {name: _half(value).numpy(force=True) for name, value in state.items()}


def open_backbone(name: str) -> Backbone:
    """The backbone of a name, from local files only; UnknownName says what to do instead."""
    family, _, rest = name.partition(":")
    if name == "builtin":
        return _builtin()
    if family == "timm":
        model, _, file = rest.partition("@")
        return _timm_from_file(model, file)
    raise UnknownName(
        f"There is no backbone named {name!r}: use builtin or timm:<model>@<file.safetensors>."
    )


@dataclass(frozen=True)
class Source:
    """Where a backbone's weights are published, and on what terms."""

    url: str
    licence: str


def source(name: str) -> Source:
    """Of a ``timm:<model>``; UnknownName if nothing is published for it."""
    family, _, model = name.partition(":")
    config = timm.get_pretrained_cfg(model) if family == "timm" and timm.is_model(model) else None
    if config is None or not config.hf_hub_id:
        raise UnknownName(f"There are no weights to fetch for {name!r}: name it timm:<model>.")
    url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
    return Source(url, config.license or "not stated: ask before you use it")


def restore(spec: dict[str, Any], tensors: Tensors) -> Backbone:
    """The backbone that an artefact carries: its spec and what ``weights`` returned."""
    if spec["family"] == "builtin":
        if spec.get("version") != VERSION:
            raise UnknownName(
                f"The artefact was fitted with version {spec.get('version')} of the builtin backbone, "
                f"this is version {VERSION}: fit it anew."
            )
        return _builtin()
    state = {name: torch.from_numpy(value) for name, value in tensors.items()}
    return _timm(spec, state)


def _builtin() -> Backbone:
    plain = {"mean": [0.0] * 3, "std": [1.0] * 3}
    spec = {"family": "builtin", "name": "builtin", "version": VERSION, **plain}
    bank = FilterBank()
    return Backbone(spec, bank, bank.channels)


def _timm_from_file(model: str, file: str) -> Backbone:
    if not timm.is_model(model):
        raise UnknownName(f"timm has no model named {model!r}.")
    if not file:
        raise UnknownName(
            f"timm:{model} needs its weights in a file, timm:{model}@FILE.safetensors: judging "
            f"never downloads. Fetch them with `python -m inference pull timm:{model}`."
        )
    return _timm(_timm_spec(model), _weights_in(Path(file)))


def _weights_in(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise UnknownName(f"There is no file {file} with weights for the backbone.")
    try:
        state = load_file(file)
    except SafetensorError as error:
        raise UnknownName(f"{file} is not a safetensors file.") from error
    return {name: _half(value) for name, value in state.items()}


def _timm_spec(model: str) -> dict[str, Any]:
    spec = {"family": "timm", "name": f"timm:{model}", "model": model, "options": {}}
    if model in TENSORFLOW_LIKE:
        half = [0.5] * 3
        return {**spec, "options": {"pad_type": "same"}, "mean": half, "std": half}
    config: Any = timm.get_pretrained_cfg(model)
    return {**spec, "mean": list(config.mean), "std": list(config.std)}


def _timm(spec: dict[str, Any], state: Mapping[str, Tensor]) -> Backbone:
    """The network cut after stride 16, with weights; UnknownName if they do not fit."""
    levels = _levels(spec)
    network: Any = timm.create_model(
        spec["model"], features_only=True, out_indices=levels, pretrained=False, **spec["options"]
    )
    _cut_off(network)
    needed = network.state_dict()
    given = {name: value for name, value in state.items() if name in needed}
    missing = [name for name in needed if name not in given and not name.endswith("tracked")]
    if missing:
        raise UnknownName(
            f"The weights do not belong to {spec['model']}: {missing[0]} and "
            f"{len(missing) - 1} more are missing."
        )
    _fill(network, given, spec["model"])
    return Backbone(spec, network, sum(network.feature_info.channels()))


def _cut_off(network: Any) -> None:
    """Drop the stages behind the last one asked for; timm prunes other families itself."""
    if isinstance(network, EfficientNetFeatures):
        last = max(info["stage"] for info in network.feature_info.get_dicts())
        network.blocks = network.blocks[:last]


def _fill(network: nn.Module, given: Mapping[str, Tensor], model: str) -> None:
    try:
        network.load_state_dict({k: v.float() for k, v in given.items()}, strict=False)
    except RuntimeError as error:
        raise UnknownName(f"The weights do not belong to {model}: shapes differ.") from error


def _levels(spec: dict[str, Any]) -> tuple[int, ...]:
    """Which of the model's outputs have strides 8 and 16."""
    with torch.device("meta"):  # only the plan is wanted: no memory, no random numbers
        try:
            plan: Any = timm.create_model(spec["model"], features_only=True, **spec["options"])
            strides = plan.feature_info.reduction()
        except (AttributeError, RuntimeError, TypeError, AssertionError) as error:
            raise UnknownName(f"{spec['model']} gives no feature maps.") from error
    found = tuple(strides.index(stride) for stride in STRIDES if stride in strides)
    if len(found) < len(STRIDES):
        raise UnknownName(f"{spec['model']} gives no feature maps of strides 8 and 16.")
    return found


def _on_one_grid(maps: list[Tensor]) -> Tensor:
    """Bring (B, C_i, h_i, w_i) to the grid of the first and put the channels side by side."""
    grid = maps[0].shape[2:]
    enlarged = [functional.interpolate(m, grid, mode="bilinear") for m in maps[1:]]
    return torch.cat([maps[0], *enlarged], dim=1)


def _per_channel(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1)


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value
