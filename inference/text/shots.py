"""Banks of unit patch features of a few good pictures, one a layer (APRIL-GAN, IAD-GPT).

M = the sum over layers of 1 - the largest cosine with a patch in the layer's bank.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference import bank
from inference.nearest import nearest
from inference.patches import PatchFeatures, Thumbnails


@dataclass(frozen=True, eq=False)
class UnitPatches(PatchFeatures):
    """A transformer's patches as they are, at length 1: attention has already looked around."""

    def levels(self, batch: Thumbnails | Tensor) -> list[Tensor]:
        """(b, size, size, 3) to one unit (b, h, w, C) a layer."""
        pixels = torch.as_tensor(batch).to(self.backbone.device).permute(0, 3, 1, 2)
        found = self.backbone.levels(pixels)
        return [functional.normalize(one.permute(0, 2, 3, 1), dim=-1) for one in found]


Shots = list[Tensor]  # unit rows (M, C) a layer


def learn(patches: UnitPatches, small: Thumbnails, keep: int, generator: torch.Generator) -> Shots:
    """At most ``keep`` patches of each layer that stand for all."""
    found = bank.learn(patches, small, np.arange(len(small)), keep, generator)
    return [level.rows for level in found.levels]


def together(banks: Sequence[Shots]) -> Shots:
    return [torch.cat(layer) for layer in zip(*banks, strict=True)]


def unlike(shots: Shots, levels: list[Tensor]) -> Tensor:
    """(b, h, w, C) a layer, of any length, to M (b, h, w), from 0 up to twice the layers.

    Of unit vectors the squared distance is 2 - 2 cos, so the nearest has the largest cosine.
    """
    total = torch.zeros(levels[0].shape[:3], device=levels[0].device)
    for level, rows in zip(levels, shots, strict=True):
        unit = functional.normalize(level, dim=-1)
        total += nearest(unit.flatten(0, 2), rows).square().reshape(total.shape) / 2
    return total
