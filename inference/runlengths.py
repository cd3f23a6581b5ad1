"""Exact masks as uncompressed COCO run lengths.

Pixels are counted column by column, top to bottom; the first run is background and may be 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]


def encode(
    mask: Mask, *, at: tuple[int, int] = (0, 0), shape: tuple[int, int] | None = None
) -> list[int]:
    """Runs of a bool (h, w) mask placed with its corner at ``at`` = (x, y) in a ``shape`` = (H, W).

    Only the small mask is scanned, so a speck in a picture of 40 megapixels costs nothing.
    """
    height, width = shape or mask.shape
    starts, ends = _runs(mask)
    if len(starts) == 0:
        return [height * width]
    starts, ends = (_places(edge, mask.shape[0], at, height) for edge in (starts, ends - 1))
    joined = starts[1:] == ends[:-1] + 1  # a run that reaches the bottom goes on at the top
    starts, ends = starts[np.append(True, ~joined)], ends[np.append(~joined, True)] + 1
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    runs: list[int] = np.diff(edges).tolist()
    return runs if runs[-1] else runs[:-1]


def _runs(mask: Mask) -> tuple[Places, Places]:
    """First place of each run and of what follows it, counted down the columns of the mask."""
    width, height = mask.shape[1], mask.shape[0]
    flat = np.zeros(1 + width * (height + 1), np.bool_)  # a gap before the first, one after each
    flat[1:].reshape(width, height + 1)[:, :height] = mask.T
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return edges[0::2], edges[1::2]


def _places(places: Places, rows: int, at: tuple[int, int], height: int) -> Places:
    """Places of the padded mask as places of the whole picture."""
    column, row = np.divmod(places, rows + 1)
    return np.asarray((column + at[0]) * height + row + at[1], np.int64)


def decode(counts: Sequence[int], shape: tuple[int, int]) -> Mask:
    """The bool (H, W) mask; ValueError if the runs do not fill it."""
    runs = np.asarray(counts, dtype=np.int64)
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != shape[0] * shape[1]:
        raise ValueError(f"run lengths do not fill a picture of {shape[1]} x {shape[0]} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape[1], shape[0]).T
