"""Heat map to regions: where, how large, what shape, lighter or darker. Knows no thresholds' origin.

All measures are taken on the mask in the frame of the upright picture.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from inference import binarise, runlengths
from inference.judgement import Region

SCAN_SIDE = 256  # the heat map is coarse: a finer scan for the threshold finds nothing more
MASK_SIDE = 1024  # larger pictures get their mask at this size, enlarged without smoothing
MOST = 20  # regions reported, highest heat first
SPECK = 1 / 20_000  # of the picture's area: smaller parts are dropped, unless they are all there is

_ROWS = ("top", "", "bottom")
_COLUMNS = ("left", "", "right")

Pixels = NDArray[np.uint8]
Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]


def find(heat: Heat, pixels: Pixels, floor: float) -> list[Region]:
    """Regions of a heat map (h, w) over a picture (H, W, 3); nothing below ``floor`` is in one.

    Empty if the whole map lies below ``floor``.
    """
    height, width = pixels.shape[:2]
    if float(heat.max()) < floor:
        return []
    cut = binarise.threshold(_resized(heat, *_within(width, height, SCAN_SIDE)), floor)
    fine = _resized(heat, *_within(width, height, MASK_SIDE))
    mask = _enlarged(_trimmed(fine, _cut(fine, cut)), width, height)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return [_measure(box, part, mask, grey, heat) for box, part in _largest_parts(mask, heat)]


def cell(x: float, y: float, width: int, height: int) -> str:
    """The place of a point on a 3 x 3 grid: "top left", "top", ..., "centre", ..., "bottom right"."""
    row = _ROWS[min(2, int(3 * y / height))]
    column = _COLUMNS[min(2, int(3 * x / width))]
    return f"{row} {column}".strip() or "centre"


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
    peaks = np.zeros(int(labels.max()) + 1, np.float32)
    place = np.asarray(labels, np.int64)
    np.maximum.at(peaks, place.ravel(), fine.ravel())
    return np.asarray(mask & (fine >= peaks[place] / 2))


def _enlarged(mask: Mask, width: int, height: int) -> Mask:
    if mask.shape == (height, width):
        return mask
    large = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return large.astype(bool)


Box = tuple[int, int, int, int]


def _largest_parts(mask: Mask, heat: Heat) -> Iterator[tuple[Box, Mask]]:
    """Bounding box and mask inside it of each connected part, highest heat first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    speck = min(int(areas.max()), max(4, int(SPECK * mask.size)))
    parts = []
    for index in 1 + np.flatnonzero(areas >= speck):
        x, y, w, h = (int(value) for value in stats[index, :4])
        part = labels[y : y + h, x : x + w] == index
        parts.append((_heat_inside((x, y, w, h), part, mask.shape, heat), (x, y, w, h), part))
    parts.sort(key=lambda found: (-found[0], found[1]))
    for _, box, part in parts[:MOST]:
        yield box, part


def _heat_inside(box: Box, part: Mask, shape: tuple[int, ...], heat: Heat) -> float:
    """Highest value of the heat map at the pixels of a part."""
    rows, columns = np.nonzero(part)
    at_y = (rows + box[1]) * heat.shape[0] // shape[0]
    at_x = (columns + box[0]) * heat.shape[1] // shape[1]
    return float(heat[at_y, at_x].max())


def _measure(box: Box, part: Mask, mask: Mask, grey: Pixels, heat: Heat) -> Region:
    height, width = grey.shape
    outline = _outline(part)
    rows, columns = np.nonzero(part)
    return Region(
        bbox=box,
        contour=[[int(x) + box[0], int(y) + box[1]] for x, y in _simplified(outline)],
        counts=runlengths.encode(part, at=box[:2], shape=(height, width)),
        area_px=len(rows),
        score=_heat_inside(box, part, grey.shape, heat),
        contrast=_contrast(box, part, mask, grey),
        elongation=_elongation(outline),
        cell=cell(box[0] + columns.mean(), box[1] + rows.mean(), width, height),
    )


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
    reach = max(3, round(0.25 * float(part.sum()) ** 0.5))
    x, y, w, h = box
    left, top = min(x, reach), min(y, reach)
    window = (slice(y - top, y + h + reach), slice(x - left, x + w + reach))
    inside = np.zeros(mask[window].shape, np.uint8)
    inside[top : top + h, left : left + w] = part
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = (cv2.dilate(inside, kernel) > 0) & ~mask[window]
    if not ring.any():
        return 0.0
    seen = grey[window]
    return float(seen[inside > 0].mean() - seen[ring].mean()) / 255
