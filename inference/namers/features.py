"""What a namer compares: frozen features of a region, pooled over its mask, and its shape.

For each level of the backbone the mean and the standard deviation over the region's own pixels,
averaged over the four mirrorings of the crop; then five facts of the region itself, which a crop
of fixed size cannot show. Measured with MobileNetV2 on magnetic tiles (10 crops a type, balanced
accuracy): pooled over the whole crop 0.67, over the mask 0.80, with the facts 0.82.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.backbones import Backbone
from inference.images import Picture
from inference.judgement import Region
from inference.namers import crops

BATCH = 16  # crops to a forward pass
FLIPS: tuple[list[int], ...] = ([], [-1], [-2], [-1, -2])
LEAST_SHARE = 1e-4  # of a grid place, so that a region thinner than a place has a mean, too

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CropFeatures:
    """``size``: pixels a side to which each crop is brought."""

    backbone: Backbone
    size: int

    def embed(self, picture: Picture, regions: Sequence[Region]) -> Floats:
        """float32 (n, D) for n regions; (0, 0) for none."""
        if not regions:
            return np.empty((0, 0), np.float32)
        pixels = crops.crops(picture, regions, self.size)
        masks = np.stack([crops.inside(picture, region, self.size) for region in regions])
        pooled = [
            self._pooled(pixels[start : start + BATCH], masks[start : start + BATCH])
            for start in range(0, len(regions), BATCH)
        ]
        shapes = [facts(picture, region) for region in regions]
        return np.concatenate([np.concatenate(pooled), np.stack(shapes)], axis=1)

    @torch.inference_mode()
    def _pooled(self, pixels: NDArray[np.uint8], masks: Floats) -> Floats:
        device = self.backbone.device
        batch = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
        share = torch.from_numpy(masks).to(device)[:, None]
        found = [self._seen(batch.flip(axes), share.flip(axes)) for axes in FLIPS]
        return np.asarray(torch.stack(found).mean(dim=0).numpy(force=True), np.float32)

    def _seen(self, batch: Tensor, share: Tensor) -> Tensor:
        levels = self.backbone.levels(batch)
        return torch.cat([part for level in levels for part in _moments(level, share)], dim=1)


def facts(picture: Picture, region: Region) -> Floats:
    """Size, elongation, contrast, its strength, and how much of the bounding box is filled."""
    _, _, width, height = region.bbox
    size = region.area_px / (picture.width * picture.height)
    fill = region.area_px / (width * height)
    found = [np.log(size), np.log(region.elongation), region.contrast, abs(region.contrast), fill]
    return np.asarray(found, np.float32)


def _moments(level: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation, (b, C) each, of a (b, C, h, w) level."""
    weights = (
        functional.adaptive_avg_pool2d(share, (level.shape[2], level.shape[3])).flatten(2)
        + LEAST_SHARE
    )
    weights = weights / weights.sum(dim=-1, keepdim=True)
    values = level.float().flatten(2)
    mean = (values * weights).sum(dim=-1)
    variance = ((values - mean[:, :, None]) ** 2 * weights).sum(dim=-1)
    return mean, variance.sqrt()
