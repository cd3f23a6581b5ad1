"""What a decoder learns from: features of pictures, taken once, and where their defects are.

The backbone is frozen, so each picture passes it once and its features are kept as float16; an
epoch then costs seconds on a CPU. Three kinds of lessons: good pictures, made-up defects on them
(``inference.synthesis``), and confirmed defects. Good pictures come as they are and mirrored, as
the defects do, so that no mirror image gives a defect away.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.detector import Progress
from inference.learning.decoder import targets
from inference.patches import PatchFeatures, Thumbnails, batches
from inference.synthesis import KINDS, one_of

BUDGET = 2 * 1024**3  # bytes of features; of more normals than fit a random part is taken
A_NORMAL = 4  # lessons: as it is, mirrored, and twice with a made-up defect
MIRRORS = (1, 2, 3)  # bit 0: left to right, bit 1: top to bottom

Masks = NDArray[np.bool_]  # (n, size, size)


@dataclass(frozen=True, eq=False)
class Lessons:
    """``levels``: float16 (n, h_i, w_i, C_i), finest grid first; ``truth``: bool (n, h, w)."""

    levels: list[Tensor]
    truth: Tensor

    def __len__(self) -> int:
        return len(self.truth)

    @classmethod
    def of(cls, features: PatchFeatures, small: Thumbnails, masks: Masks) -> Self:
        found = [
            [level.half().cpu() for level in features.levels(batch)]
            for batch in batches(small, features.backbone.device)
        ]
        levels = [torch.cat(level) for level in zip(*found, strict=True)]
        return cls(levels, targets(masks, (levels[0].shape[1], levels[0].shape[2])))

    def batch(self, chosen: NDArray[np.int64], device: torch.device) -> tuple[list[Tensor], Tensor]:
        """Float32 levels and truth of some lessons, on the device."""
        index = torch.from_numpy(chosen)
        levels = [level[index].to(device).float() for level in self.levels]
        return levels, self.truth[index].to(device).float()


@dataclass(frozen=True, eq=False)
class Course:
    """Lessons by kind: good, made-up, confirmed. A kind without any lesson is left out."""

    kinds: list[Lessons]

    @classmethod
    def of(
        cls,
        features: PatchFeatures,
        normals: Thumbnails,
        defects: Thumbnails,
        masks: Masks,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Self:
        """Of normals (n, size, size, 3), n >= 1, and defects with masks (m, size, size), m >= 0."""
        normals = _as_many_as_fit(features, normals, rng)
        good = np.concatenate([normals, [mirrored(one, rng.choice(MIRRORS)) for one in normals]])
        made, where = _made_up(normals, rng)
        progress(1, 3)
        kinds = [Lessons.of(features, good, np.zeros(good.shape[:3], bool))]
        kinds.append(Lessons.of(features, made, where))
        progress(2, 3)
        if len(defects):
            every = [0, *MIRRORS]
            turned = np.stack([mirrored(one, how) for one in defects for how in every])
            turned_masks = np.stack([mirrored(one, how) for one in masks for how in every])
            kinds.append(Lessons.of(features, turned, turned_masks))
        progress(3, 3)
        return cls(kinds)


def mirrored(pixels: NDArray[np.generic], how: int) -> NDArray[np.generic]:
    """(H, W, ...) mirrored as ``MIRRORS`` says."""
    return pixels[:: -1 if how & 2 else 1, :: -1 if how & 1 else 1]


def _made_up(normals: Thumbnails, rng: np.random.Generator) -> tuple[Thumbnails, Masks]:
    """Two pictures with a made-up defect for each normal, one of them mirrored first."""
    pictures, masks = [], []
    for how in (0, None):
        for one in normals:
            turned = mirrored(one, rng.choice(MIRRORS) if how is None else how)
            donor = normals[int(rng.integers(len(normals)))]
            made, mask, _ = one_of(list(KINDS), np.ascontiguousarray(turned), donor, rng)
            pictures.append(made)
            masks.append(mask)
    return np.stack(pictures), np.stack(masks)


def _as_many_as_fit(
    features: PatchFeatures, normals: Thumbnails, rng: np.random.Generator
) -> Thumbnails:
    one = features.levels(normals[:1])
    room = BUDGET // (A_NORMAL * sum(2 * level.numel() for level in one))
    if len(normals) <= room:
        return normals
    return normals[np.sort(rng.permutation(len(normals))[: max(1, room)])]
