"""The several outlines by which one confirmed place is taught. Knows no network.

A person draws a place in one way, a detector outlines it in another: larger, smaller, a little
beside, rounder. Taught from the drawn outline alone, a namer takes that difference for a new kind.
So for a detector each place is also taught as grown, shrunk, shifted and coarse, and as found.

How often a known type may be called unknown is measured on outlines like those that will be asked
about: the found ones, or the coarse where a place was not found. Measured with MobileNetV2 inside
a memory, 10 crops a type, median of 5 seeds, on found regions that lie on a drawn place (in
brackets: taught from drawn outlines alone):

- a known type gets its name: screws 0.96 (0.46), magnetic tiles 0.71 (0.32);
- a type never taught is called unknown: screws 0.35 (0.15), magnetic tiles 0.05 (0.04), where its
  features are simply not far from the others'.

The price: drawn outlines are then called unknown more often, on screws 0.38 (0.03) of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import regions, runlengths
from inference.images import Picture
from inference.judgement import Region
from inference.labelled import Labelled
from inference.namers import crops

GRIDS = (32, 16)  # places a side of the heat maps that a detector's outlines come from
STEP = 1 / 64  # of the picture's short side: half a place of a heat map of 32 x 32
LEFT = 1 / 3  # of the area: what shrinks further shows something else
SAME = 1 / 2  # of the smaller of two outlines lies in both: they show the same place

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outlines:
    """Of one place; ``asked[i]``: whether region i is like those that will have to be named."""

    regions: list[Region]
    asked: list[bool]


Outlining = Callable[[Labelled], Outlines]


def drawn(labelled: Labelled) -> Outlines:
    """The drawn outline, or the whole picture: all that a namer without a detector is asked about."""
    return Outlines([crops.place(labelled)], [True])


def alike(labelled: Labelled, found: Sequence[Region]) -> Outlines:
    """The drawn outline, those like it, and of the ``found`` regions those of the same place.

    The whole picture alone if no place is drawn.
    """
    if labelled.mask is None or not labelled.mask.any():
        return drawn(labelled)
    place, picture = crops.place(labelled), labelled.picture
    mask = _mask(place, picture)
    sharp = [place, *_varied(picture, mask)]
    coarse = [_coarse(picture, mask, grid) for grid in GRIDS]
    own = [region for region in found if _same(_mask(region, picture), labelled.mask)]
    asked = [*[False] * len(sharp), *[not own] * len(coarse), *[True] * len(own)]
    return Outlines([*sharp, *coarse, *own], asked)


def _varied(picture: Picture, mask: Mask) -> list[Region]:
    """Grown and shrunk by a step, shifted by one either way."""
    step = max(1, round(STEP * min(mask.shape)))
    varied = [_grown(mask, step), _shrunk(mask, step), _shifted(mask, step), _shifted(mask, -step)]
    kept = [one for one in varied if one.sum() >= LEFT * mask.sum()]
    return [crops.places(picture, one)[0] for one in kept]


def _coarse(picture: Picture, mask: Mask, grid: int) -> Region:
    """What a detector finds that sees the right place, but on a coarse grid and not sharply."""
    share = cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)
    smeared = cv2.GaussianBlur(share, (0, 0), 1.0)
    heat = np.asarray(smeared / smeared.max(), np.float32)
    found = regions.find(heat, picture.pixels, 0.5)
    return max(found, key=lambda region: region.area_px)


def _grown(mask: Mask, step: int) -> Mask:
    return np.asarray(cv2.dilate(mask.view(np.uint8), _disc(step)), bool)


def _shrunk(mask: Mask, step: int) -> Mask:
    return np.asarray(cv2.erode(mask.view(np.uint8), _disc(step)), bool)


def _shifted(mask: Mask, step: int) -> Mask:
    """Along the diagonal; what leaves the picture is lost."""
    height, width = mask.shape
    to = np.array([[1, 0, step], [0, 1, step]], np.float32)
    moved = cv2.warpAffine(mask.view(np.uint8), to, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(moved, bool)


def _disc(step: int) -> NDArray[np.uint8]:
    side = 2 * step + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _mask(region: Region, picture: Picture) -> Mask:
    return runlengths.decode(region.counts, (picture.height, picture.width))


def _same(one: Mask, other: Mask) -> bool:
    both = np.count_nonzero(one & other)
    return bool(both >= SAME * min(np.count_nonzero(one), np.count_nonzero(other)))
