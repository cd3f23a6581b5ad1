"""Pictures to comparable patch features. Knows no bank and no threshold.

Each level of the backbone is averaged over 3 x 3 places (PatchCore's local awareness) and then
scaled by v / (|v| + 1.2 typical): strong contrast is compressed, so that the same surface under
more light stays the same, while the faint noise of an empty background is not blown up as plain
normalisation to length 1 would.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.backbones import Backbone
from inference.feeding import fed
from inference.images import Picture
from inference.threads import in_threads

# Pictures to a forward pass. On a CPU one: what a second one adds no longer fits in the caches.
BATCH = {"cpu": 1, "cuda": 32}
SOFTNESS = 1.2  # of the typical length
SAMPLED = 64  # pictures from which what is typical is taken

Thumbnails = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PatchFeatures:
    """``typical``: median length of a patch's features in good pictures, for each level."""

    backbone: Backbone
    typical: tuple[float, ...]

    @classmethod
    def of(cls, backbone: Backbone, normals: Thumbnails) -> Self:
        """A scale only: that held-out normals share in it tells the bank nothing of them."""
        lengths = [
            [level.norm(dim=-1).flatten() for level in _averaged(backbone, batch)]
            for batch in batches(sampled(normals), backbone.device)
        ]
        medians = [torch.cat(level).median().item() for level in zip(*lengths, strict=True)]
        return cls(backbone, tuple(max(median, 1e-6) for median in medians))

    def levels(self, batch: Thumbnails | Tensor) -> list[Tensor]:
        """(b, size, size, 3) to one (b, h_i, w_i, C_i) for each level, finest grid first."""
        found = _averaged(self.backbone, batch)
        return [
            level / (level.norm(dim=-1, keepdim=True) + SOFTNESS * typical)
            for level, typical in zip(found, self.typical, strict=True)
        ]


def sampled(normals: Thumbnails) -> Thumbnails:
    """Few enough to look at quickly, spread over all."""
    return normals[:: max(1, len(normals) // SAMPLED)]


def thumbnails(
    pictures: Sequence[Picture], size: int, progress: Callable[[int, int], None]
) -> Thumbnails:
    """uint8 (n, size, size, 3). All that is kept of the pictures, so each is decoded once."""
    small = np.empty((len(pictures), size, size, 3), np.uint8)

    def shrink(index: int) -> None:
        small[index] = _shrunk(pictures[index], size)

    numbers = range(len(pictures))
    done = in_threads(shrink, numbers) if len(pictures) > 1 else map(shrink, numbers)
    for index, _ in enumerate(done):
        progress(index + 1, len(pictures))
    return small


def _shrunk(picture: Picture, size: int) -> Thumbnails:
    shrinks = min(picture.width, picture.height) > size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture.pixels, (size, size), interpolation=how), np.uint8)


def batches(small: Thumbnails, device: torch.device) -> Iterator[Tensor]:
    """(b, size, size, 3) on the device, the next one on its way."""
    step = BATCH.get(device.type, 8)
    return fed([small[start : start + step] for start in range(0, len(small), step)], device)


def _averaged(backbone: Backbone, batch: Thumbnails | Tensor) -> list[Tensor]:
    pixels = torch.as_tensor(batch).to(backbone.device).permute(0, 3, 1, 2)
    maps = [
        functional.avg_pool2d(level, 3, stride=1, padding=1, count_include_pad=False)
        for level in backbone.levels(pixels)
    ]
    return [level.permute(0, 2, 3, 1).contiguous() for level in maps]
