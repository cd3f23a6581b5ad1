"""Masks as COCO writes them: run lengths down the columns, plain or packed into a short text.

pycocotools packs and measures. It is not asked to unpack what strangers wrote: of run lengths
that do not fill their picture it answers with whatever lay in memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

Numbers = NDArray[np.int64]
_LONGEST = 8  # characters of a number: 40 bits, more than any picture has pixels


class BadRuns(ValueError):
    """These are no run lengths of a picture of this size; the message says why."""


def pack(counts: Sequence[int], height: int, width: int) -> bytes:
    """Plain run lengths to COCO's packed text."""
    plain = {"counts": list(counts), "size": [height, width]}
    packed: bytes = coco.frPyObjects(plain, height, width)["counts"]
    return packed


def measures(packed: bytes, height: int, width: int) -> tuple[list[int], int]:
    """The box x, y, width, height of a mask that ``pack`` made, and its pixels; in pixels."""
    rle = {"counts": packed, "size": [height, width]}
    return [round(side) for side in coco.toBbox(rle)], int(coco.area(rle))


def unpack(packed: str, height: int, width: int) -> tuple[int, ...]:
    """COCO's packed text to plain run lengths. BadRuns if they do not fill the picture.

    Each number stands in groups of five bits from the lowest on, a sixth says whether another
    follows; from the fourth on it is the difference to the one before the last.
    """
    raw = np.frombuffer(packed.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if raw.size == 0 or raw.min() < 0 or raw.max() > 63:
        raise BadRuns("its run lengths are written with characters that COCO does not use")
    ends = np.flatnonzero((raw & 32) == 0)
    if ends.size == 0 or ends[-1] != raw.size - 1:
        raise BadRuns("its run lengths are cut off")
    return checked(_numbers(raw, ends), height, width)


def _numbers(raw: Numbers, ends: Numbers) -> Numbers:
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST:
        raise BadRuns("it holds a run that is longer than any picture")
    place = np.arange(raw.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((raw & 31) << (5 * place), starts)
    values -= np.where(raw[ends] & 16, np.int64(1) << (5 * lengths), 0)
    for first in (1, 2):
        values[first::2] = np.cumsum(values[first::2])
    return np.asarray(values, np.int64)


def checked(counts: Any, height: int, width: int) -> tuple[int, ...]:
    """Plain run lengths in their one shortest form. BadRuns if they do not fill the picture."""
    try:
        values = np.asarray(counts, np.int64)
    except (TypeError, ValueError, OverflowError):
        raise BadRuns("its run lengths are no whole numbers") from None
    total = height * width
    if values.ndim != 1 or values.size == 0 or values.min() < 0 or values.max() > total:
        raise BadRuns(f"its run lengths do not fill {width} x {height} pixels")
    turns = np.cumsum(values)
    if turns[-1] != total:
        raise BadRuns(f"its run lengths fill {turns[-1]} pixels, the picture has {total}")
    places, times = np.unique(turns[:-1], return_counts=True)
    kept = places[(times % 2 == 1) & (places < total)]  # a run of no pixels turns twice
    return tuple(np.diff(np.concatenate([[0], kept, [total]])).tolist())


def from_polygons(polygons: Sequence[Any], height: int, width: int) -> tuple[int, ...]:
    """The pixels inside any of these polygons x1, y1, x2, y2, ..., as pycocotools fills them."""
    rings = [_ring(polygon, height, width) for polygon in polygons]
    merged = coco.merge(coco.frPyObjects(rings, height, width))
    return unpack(merged["counts"].decode(), height, width)


def _ring(polygon: Any, height: int, width: int) -> list[float]:
    try:
        ring = np.asarray(polygon, np.float64)
    except (TypeError, ValueError):
        raise BadRuns("its polygon is no list of numbers") from None
    if ring.ndim != 1 or ring.size < 6 or ring.size % 2 or not np.isfinite(ring).all():
        raise BadRuns("its polygon needs three points or more, each with x and y")
    if abs(ring).max() > 4 * max(height, width):
        raise BadRuns("its polygon lies far outside of the picture")
    inside: list[float] = ring.tolist()
    return inside
