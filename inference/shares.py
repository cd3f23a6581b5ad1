"""How much each level of a backbone has to say on this product; from its normals, with evidence.

Where good pictures differ as a whole (exposure, batch, another side of the part), a level that
sees the difference is far from its memory everywhere, and says less about places. The evidence is
the share of a level's variance that is between pictures instead of within them. A level's weight
falls with it, to nothing at ``ALL``. Levels finer than stride 12 start lower: they place well,
but know less.

``FINER`` and ``ALL`` are one choice for all products, made on magnetic tiles (exposures differ,
so the coarse level must be silent) and screws (they do not, and it helps most).
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from inference.patches import PatchFeatures, Thumbnails, batches, sampled

FINER, FINE = 0.4, 12  # weight of a level of a stride below FINE
ALL = 0.4
LEAST = 8  # pictures below which differences between them prove nothing


@dataclass(frozen=True)
class Shares:
    """One entry a level, finest first."""

    weights: list[float]  # the largest is 1
    between_pictures: list[float]  # share of variance, 0 to 1; NaN-free: 0 where not asked

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def shares_of(features: PatchFeatures, normals: Thumbnails) -> Shares:
    """Of normals (n, size, size, 3)."""
    found = [features.levels(one) for one in batches(sampled(normals), features.backbone.device)]
    levels = [torch.cat(level) for level in zip(*found, strict=True)]
    between = [_between(level) if len(normals) >= LEAST else 0.0 for level in levels]
    strides = [normals.shape[1] / level.shape[1] for level in levels]
    weights = [
        (FINER if stride < FINE else 1.0) * max(0.0, 1 - share / ALL)
        for stride, share in zip(strides, between, strict=True)
    ]
    top = max(weights)
    if top == 0:  # all levels see the difference: none can be preferred
        weights, top = [1.0] * len(levels), 1.0
    return Shares([round(one / top, 4) for one in weights], [round(one, 4) for one in between])


def _between(level: Tensor) -> float:
    """Share of the variance of (n, h, w, C) that is that of the pictures' medians."""
    patches = level.flatten(1, 2)
    centre = patches.mean(dim=(0, 1))
    whole = (patches - centre).square().sum(dim=2).mean()
    medians = patches.median(dim=1).values
    ours = (medians - medians.mean(dim=0)).square().sum(dim=1).mean()
    return float((ours / whole.clamp(min=1e-12)).clamp(max=1.0))
