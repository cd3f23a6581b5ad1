"""Heat map to regions: where, how large, what shape, lighter or darker. Knows no thresholds' origin.

Places and sizes are those of the mask in the frame of the upright picture. What needs no such
detail (which regions are the most striking, how bright they are) is measured at ``MASK_SIDE``, so
the cost grows with the number of pixels and no faster, however large or many the regions are.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import binarise, runlengths
from inference.grid import cell
from inference.judgement import Region

SCAN_SIDE = 128  # the heat map is coarse: a finer scan for the threshold finds nothing more
MASK_SIDE = 1024  # larger pictures get their mask at this size, enlarged without smoothing
MOST = 20  # regions measured and reported, highest heat first; the rest of them is dropped
SPECK = 1 / 20_000  # of the picture's area: smaller parts are dropped, unless they are all there is
_SPECK_PX = 4  # pixels of the picture: the same for small pictures

Pixels = NDArray[np.uint8]
Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class _Part:
    """One connected part of the mask, at the mask's own size."""

    box: Box
    mask: Mask  # inside the box
    score: float
    contrast: float


def find(heat: Heat, pixels: Pixels, floor: float) -> list[Region]:
    """Regions of a heat map (h, w) over a picture (H, W, 3); nothing below ``floor`` is in one.

    Empty if the whole map lies below ``floor``; at most ``MOST``, the highest heat first.
    """
    height, width = pixels.shape[:2]
    if float(heat.max()) < floor:
        return []
    cut = binarise.threshold(_resized(heat, *_within(width, height, SCAN_SIDE)), floor)
    fine = _resized(heat, *_within(width, height, MASK_SIDE))
    mask = _trimmed(fine, _cut(fine, cut))
    parts = _striking_parts(mask, heat, _grey(pixels, mask.shape), height * width)
    return [_measured(part, mask.shape, height, width) for part in parts]


def _within(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(heat: Heat, width: int, height: int) -> Heat:
    """Linear, so no value leaves the range of the map."""
    return np.asarray(cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _cut(fine: Heat, cut: float) -> Mask:
    """A peak of one heat pixel may be lost between two sizes; the gate's place is kept then."""
    return np.asarray(fine >= min(cut, float(fine.max())))


def _trimmed(fine: Heat, mask: Mask) -> Mask:
    """Each part cut at half its own peak: that is where a blurred edge crosses the true one."""
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    place = np.asarray(labels, np.int32)
    halves = _peaks(fine, place, mask) / 2
    return np.asarray(mask & (fine >= halves[place]))


def _grey(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """The picture in grey at the size of the mask; each value is the mean of what it stands for."""
    small = cv2.resize(pixels, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _striking_parts(mask: Mask, heat: Heat, grey: Pixels, pixels: int) -> list[_Part]:
    """The connected parts of highest heat, measured, in that order; specks are left out."""
    found = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    labels, stats = (np.asarray(part, np.int32) for part in found[1:3])
    areas = stats[1:, cv2.CC_STAT_AREA]
    least = max(_SPECK_PX * mask.size / pixels, float(int(SPECK * mask.size)))
    kept = 1 + np.flatnonzero(areas >= min(areas.max(), least))
    scores = _peaks(_nearest(heat, mask.shape), labels, mask)
    order = np.lexsort((*stats[kept, :4].T[::-1], -scores[kept]))
    return [_part(labels, stats, int(i), scores, mask, grey) for i in kept[order][:MOST]]


def _part(
    labels: NDArray[np.int32],
    stats: NDArray[np.int32],
    index: int,
    scores: Heat,
    mask: Mask,
    grey: Pixels,
) -> _Part:
    x, y, w, h = (int(value) for value in stats[index, :4])
    part = labels[y : y + h, x : x + w] == index
    contrast = _contrast((x, y, w, h), part, mask, grey)
    return _Part((x, y, w, h), part, float(scores[index]), contrast)


def _peaks(heat: Heat, labels: NDArray[np.int32], mask: Mask) -> Heat:
    """The highest value under each label inside the mask; outside there is label 0 and no peak."""
    peaks = np.full(int(labels.max()) + 1, -np.inf, np.float32)
    np.maximum.at(peaks, labels[mask], heat[mask])
    return peaks


def _nearest(values: Heat, shape: tuple[int, ...]) -> Heat:
    rows, columns = (_origins(shape[axis], values.shape[axis]) for axis in (0, 1))
    return values[rows][:, columns]


def _origins(size: int, source: int) -> NDArray[np.intp]:
    """For each of ``size`` places the one of ``source`` places that it is taken from."""
    return np.arange(size) * source // size


def _measured(found: _Part, shape: tuple[int, ...], height: int, width: int) -> Region:
    box, part = _enlarged(found, shape, height, width)
    outline, area = _outline(part), int(np.count_nonzero(part))
    row = float(np.count_nonzero(part, axis=1) @ np.arange(box[3])) / area
    column = float(np.count_nonzero(part, axis=0) @ np.arange(box[2])) / area
    return Region(
        bbox=box,
        contour=(_simplified(outline) + np.array(box[:2])).tolist(),
        counts=runlengths.encode(part, at=box[:2], shape=(height, width)),
        area_px=area,
        score=found.score,
        contrast=found.contrast,
        elongation=_elongation(outline),
        cell=cell(box[0] + column, box[1] + row, width, height),
    )


def _enlarged(found: _Part, shape: tuple[int, ...], height: int, width: int) -> tuple[Box, Mask]:
    """Box and mask of a part in the frame of the picture, each mask pixel as a block."""
    x, y, w, h = found.box
    top, rows = _span(y, h, _origins(height, shape[0]))
    left, columns = _span(x, w, _origins(width, shape[1]))
    mask = found.mask[rows][:, columns]
    return (left, top, len(columns), len(rows)), mask


def _span(start: int, length: int, origins: NDArray[np.intp]) -> tuple[int, NDArray[np.intp]]:
    """Where the places of start ... start + length begin in the picture, and whence each comes."""
    first, last = np.searchsorted(origins, [start, start + length])
    return int(first), origins[first:last] - start


def _outline(part: Mask) -> NDArray[np.int32]:
    """Outer outline (n, 1, 2) of a connected mask."""
    found, _ = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(found, key=len), np.int32)


def _simplified(outline: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.asarray(cv2.approxPolyDP(outline, 1.0, True), np.int32)[:, 0]


def _elongation(outline: NDArray[np.int32]) -> float:
    """Long to short side of the smallest rotated box; a pixel has a width, so each side gets 1."""
    _, (first, second), _ = cv2.minAreaRect(outline)
    return float((max(first, second) + 1) / (min(first, second) + 1))


def _contrast(box: Box, part: Mask, mask: Mask, grey: Pixels) -> float:
    """Mean grey inside minus that of the ring around, which holds no other region; -1 to 1."""
    reach = max(3, round(0.25 * float(np.count_nonzero(part)) ** 0.5))
    x, y, w, h = box
    left, top = min(x, reach), min(y, reach)
    window = (slice(y - top, y + h + reach), slice(x - left, x + w + reach))
    outside = np.ones(mask[window].shape, np.uint8)
    outside[top : top + h, left : left + w] = ~part
    ring = (cv2.distanceTransform(outside, cv2.DIST_L2, 5) <= reach) & ~mask[window]
    if not ring.any():
        return 0.0
    seen = grey[window]
    return float(seen[outside == 0].mean() - seen[ring].mean()) / 255
