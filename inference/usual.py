"""How far from the memory a normal patch usually is, at each place; distances to heat.

Edges of a part are always a little farther from the memory than its flat middle, and a level that
varies much among good parts says less. So a share of the mean that held-out normals show at a
place is taken off, and the rest is divided by their spread. The place's own spread is blended
with the level's, because few normals tell it badly and because parts may lie anywhere.

The constants are one choice for all products. They were chosen by comparing image AUROC on three
sets (magnetic tiles, screws, hazelnuts), so on those three the figures are slightly flattering.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTHING = 0.6  # sigma of the heat map, in places of the finest grid
BLUR = 2.0  # sigma over which neighbouring places share their mean and spread
BLEND = 4.0  # weight of the level's spread against the place's own
DISCOUNT = 0.25  # share of the place's mean that is taken off: all of it would hide small defects
LEAST = 1e-3  # of a feature's length: normals that are all alike must not make any change infinite
HOTTEST = 0.02  # the score is the mean of this share of the heat map

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Usual:
    """One entry a level, all (h, w) on the finest grid. ``unit``: raw score of the median normal."""

    means: list[Floats]
    spreads: list[Floats]
    shares: Sequence[float]  # weights of the levels
    unit: float = 1.0

    @classmethod
    def of(
        cls, held_out: Sequence[Floats], shares: Sequence[float]
    ) -> tuple[Self, NDArray[np.float64]]:
        """From the distances (n, h_i, w_i) of held-out normals; and those normals' scores."""
        levels = [_smooth(level, held_out[0].shape[1:]) for level in held_out]
        means = [_blurred(level.mean(axis=0)) for level in levels]
        spreads = [
            np.maximum(_blurred(level.std(axis=0)) + BLEND * level.std(), LEAST) for level in levels
        ]
        raw = scores(cls(means, spreads, shares).heat(held_out))
        unit = max(float(np.median(raw)), 0.02)
        return cls(means, spreads, shares, unit), raw / unit

    def heat(self, distances: Sequence[Floats]) -> Floats:
        """(n, h_i, w_i) a level to (n, h, w) >= 0; it never falls when a distance grows."""
        shape = self.means[0].shape
        total = np.zeros((len(distances[0]), *shape), np.float32)
        for level, mean, spread, share in zip(
            distances, self.means, self.spreads, self.shares, strict=True
        ):
            total += share * (_smooth(level, shape) - DISCOUNT * mean) / spread
        return np.asarray(np.maximum(total, 0) / self.unit, np.float32)


def scores(heats: Floats) -> NDArray[np.float64]:
    """(n,): mean of the hottest places of each map; steadier than the maximum, never above it."""
    flat = heats.reshape(len(heats), -1)
    count = max(1, round(HOTTEST * flat.shape[1]))
    hottest = np.partition(flat, -count, axis=1)[:, -count:]
    return np.asarray(hottest.mean(axis=1, dtype=np.float64))


def _smooth(level: Floats, shape: tuple[int, ...]) -> Floats:
    """(n, h_i, w_i) brought to (n, h, w) and smoothed."""
    found = [
        _gauss(cv2.resize(one, (shape[1], shape[0])), SMOOTHING) for one in level.astype(np.float32)
    ]
    return np.stack(found)


def _blurred(place: Floats) -> Floats:
    return _gauss(place, BLUR)


def _gauss(place: Floats, sigma: float) -> Floats:
    blurred = cv2.GaussianBlur(place, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
