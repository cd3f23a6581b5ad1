"""One look at pictures: the maps that text and memory give, and tokens for the enhancer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inference.backbones.clip_family import ClipBackbone, Seen
from inference.devices import each_on_a_core
from inference.patches import Thumbnails, batches
from inference.text.bank import TextBank
from inference.text.guided import TextGuided, tokens_of
from inference.text.maskfusion import Floats
from inference.text.shots import Shots, unlike

Committee = Sequence[TextGuided]


@dataclass(frozen=True, eq=False)
class Look:
    """``text`` and ``memory`` (n, h, w), the latter only with a bank; ``tokens`` (n, 10, D)."""

    text: Floats
    memory: Floats | None
    tokens: Tensor

    def maps(self, committee: Committee, text: TextBank) -> dict[str, Floats]:
        """By the names of ``inference.text.maskfusion``; the whole picture is one value everywhere.

        Of several enhancers the least alarmed one is heard; without one CLIP itself speaks.
        """
        said = [member.scores(self.tokens, text) for member in committee]
        whole = torch.stack(said).amin(dim=0) if said else text.abnormal(self.tokens[:, 0])
        picture = whole.numpy(force=True).astype(np.float32)[:, None, None]
        found = {"text": self.text, "picture": np.broadcast_to(picture, self.text.shape)}
        return found if self.memory is None else {**found, "memory": self.memory}


@dataclass(frozen=True, eq=False)
class Eyes:
    """A CLIP's vision side, and what text says of normal and abnormal."""

    sight: ClipBackbone
    text: TextBank

    def look(self, small: Thumbnails, bank: Shots) -> Look:
        """At uint8 (n, size, size, 3), with one forward pass; an empty bank gives no memory."""

        def at(batch: Tensor) -> Look:
            seen = self._seen(batch)
            layers = torch.stack([self.text.abnormal(one) for one in seen.joint])
            far = unlike(bank, seen.levels).numpy(force=True) if bank else None
            tokens = tokens_of(seen.picture, seen.joint[-1])
            return Look(layers.mean(dim=0).numpy(force=True), far, tokens)

        device = self.sight.device
        return _together(each_on_a_core(at, batches(small, device), device))

    def last(self, small: Thumbnails) -> Tensor:
        """Unit (n, h, w, D) of the last layer: what types are read from."""
        found = [self._seen(batch).joint[-1] for batch in batches(small, self.sight.device)]
        return torch.cat(found)

    def _seen(self, batch: Tensor) -> Seen:
        return self.sight.see(batch.permute(0, 3, 1, 2))


def _together(looks: list[Look]) -> Look:
    far = [one.memory for one in looks if one.memory is not None]
    return Look(
        np.concatenate([one.text for one in looks]),
        np.concatenate(far) if far else None,
        torch.cat([one.tokens for one in looks]),
    )
