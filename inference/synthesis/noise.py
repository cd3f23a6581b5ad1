"""Gradient noise (Perlin 1985, with the smoother fade of Perlin 2002): clouds of a chosen size."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def perlin_noise(
    height: int, width: int, rows: int, columns: int, rng: np.random.Generator
) -> Floats:
    """(height, width) in -1 to 1, from a lattice of ``rows`` x ``columns`` cells.

    A random unit gradient stands at every node; each pixel blends what the four nodes round it
    say. ValueError for a size or a lattice below 1.
    """
    if min(height, width, rows, columns) < 1:
        raise ValueError("noise needs at least one pixel and one cell a side")
    angles = rng.uniform(0, 2 * np.pi, (rows + 1, columns + 1))
    y, x = (np.arange(height) + 0.5) * rows / height, (np.arange(width) + 0.5) * columns / width
    row, column = y.astype(np.int64), x.astype(np.int64)
    dy, dx = (y - row)[:, None], (x - column)[None, :]
    up, left = 1 - _fade(dy), 1 - _fade(dx)
    total = np.zeros((height, width))
    for below, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        angle = angles[np.ix_(row + below, column + right)]
        slope = np.sin(angle) * (dy - below) + np.cos(angle) * (dx - right)
        total += slope * (1 - up if below else up) * (1 - left if right else left)
    # The largest possible value of 2-D gradient noise is the square root of one half.
    return np.asarray(np.clip(total * np.sqrt(2), -1, 1))


def _fade(t: Floats) -> Floats:
    """6t^5 - 15t^4 + 10t^3: no slope and no bend where cells meet."""
    return np.asarray(t * t * t * (t * (6 * t - 15) + 10))
