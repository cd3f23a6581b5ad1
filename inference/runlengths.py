"""Exact masks as uncompressed COCO run lengths.

Pixels are counted column by column, top to bottom; the first run is background and may be 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def encode(
    mask: Mask, *, at: tuple[int, int] = (0, 0), shape: tuple[int, int] | None = None
) -> list[int]:
    """Runs of a bool (h, w) mask placed with its corner at ``at`` = (x, y) in a ``shape`` = (H, W).

    Only the small mask is scanned, so a speck in a picture of 40 megapixels costs nothing.
    """
    height, width = shape or mask.shape
    columns, rows = np.nonzero(mask.T)
    places = (columns + at[0]) * height + rows + at[1]
    if len(places) == 0:
        return [height * width]
    breaks = np.flatnonzero(np.diff(places) != 1)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    runs: list[int] = np.diff(edges).tolist()
    return runs if runs[-1] else runs[:-1]


def decode(counts: Sequence[int], shape: tuple[int, int]) -> Mask:
    """The bool (H, W) mask; ValueError if the runs do not fill it."""
    runs = np.asarray(counts, dtype=np.int64)
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != shape[0] * shape[1]:
        raise ValueError(f"run lengths do not fill a picture of {shape[1]} x {shape[0]} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape[1], shape[0]).T
