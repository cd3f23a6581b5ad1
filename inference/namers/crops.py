"""A region to a square piece of its picture, at original resolution. Knows no network.

The square follows AnomalyNCD (Huang et al., CVPR 2025, arXiv 2410.14379): the bounding box with a
tenth of context on each side, never smaller than a fifth of the picture, moved inside the picture
where it fits; what is outside even so is mirrored, which leaves texture as it is.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import regions, runlengths
from inference.images import Picture
from inference.judgement import Region
from inference.labelled import Labelled

CONTEXT = 0.1  # of the box's long side, on each side
LEAST = 0.2  # of the picture's short side: a smaller square shows the defect and nothing around it

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]


def square(bbox: Box, width: int, height: int) -> tuple[int, int, int]:
    """x, y, side of the square around a box; it may reach outside a picture narrower than it."""
    x, y, w, h = bbox
    side = round(max((1 + 2 * CONTEXT) * max(w, h), LEAST * min(width, height), 8))
    if side >= max(width, height):  # nothing is gained by mirroring all around
        side = max(width, height)
    return _inside(x + w / 2, side, width), _inside(y + h / 2, side, height), side


def _inside(centre: float, side: int, length: int) -> int:
    """Where the square begins along one axis: inside the picture, or centred on it."""
    if side >= length:
        return -((side - length) // 2)
    return min(max(0, round(centre - side / 2)), length - side)


def crop(picture: Picture, region: Region, size: int) -> Pixels:
    """uint8 (size, size, 3)."""
    x, y, side = square(region.bbox, picture.width, picture.height)
    return _resized(_cut(picture.pixels, x, y, side), size)


def crops(picture: Picture, found: Sequence[Region], size: int) -> Pixels:
    """uint8 (n, size, size, 3)."""
    empty = np.empty((0, size, size, 3), np.uint8)
    return np.stack([crop(picture, region, size) for region in found]) if found else empty


def inside(picture: Picture, region: Region, size: int) -> NDArray[np.float32]:
    """The share of the region in each pixel of its crop, float32 (size, size)."""
    x, y, side = square(region.bbox, picture.width, picture.height)
    mask = runlengths.decode(region.counts, (picture.height, picture.width))
    top, left, bottom, right = max(0, y), max(0, x), y + side, x + side
    part = np.zeros((side, side), np.float32)
    seen = mask[top:bottom, left:right]
    part[top - y : top - y + seen.shape[0], left - x : left - x + seen.shape[1]] = seen
    return np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def whole(picture: Picture) -> Region:
    """The picture as one region: for a defect whose place nobody has drawn."""
    width, height = picture.width, picture.height
    corners = [[0, 0], [0, height - 1], [width - 1, height - 1], [width - 1, 0]]
    return Region(
        bbox=(0, 0, width, height),
        contour=corners,
        counts=[0, width * height],
        area_px=width * height,
        score=0.0,
        contrast=0.0,
        elongation=max(width, height) / min(width, height),
        cell="centre",
    )


def places(picture: Picture, mask: Mask | None) -> list[Region]:
    """The regions of a drawn mask, largest first; the whole picture if nothing is drawn."""
    if mask is None or not mask.any():
        return [whole(picture)]
    found = regions.find(mask.astype(np.float32), picture.pixels, 0.5)
    return sorted(found, key=lambda region: -region.area_px)


def place(labelled: Labelled) -> Region:
    """The largest region of a confirmed defect: the small ones beside it are often remnants."""
    return places(labelled.picture, labelled.mask)[0]


def _cut(pixels: Pixels, x: int, y: int, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    seen = pixels[max(0, y) : y + side, max(0, x) : x + side]
    above, before = max(0, -y), max(0, -x)
    below, after = max(0, y + side - height), max(0, x + side - width)
    if not (above or before or below or after):
        return seen
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.copyMakeBorder(seen, above, below, before, after, border), np.uint8)


def _resized(pixels: Pixels, size: int) -> Pixels:
    how = cv2.INTER_AREA if pixels.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=how), np.uint8)
