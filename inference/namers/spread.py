"""How crops of one type differ among themselves: one shrunken covariance for all types.

Ledoit and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices":
the sample covariance S becomes (1 - g) S + g m I, with m the mean variance. Only the directions
in which the crops differ are kept (there are fewer of them than crops), so thousands of features
cost no more than the few crops do.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_SHRINKAGE = 1e-3  # of many crops the estimate may be nothing, and the inverse would not exist


@dataclass(frozen=True, eq=False)
class Spread:
    """The inverse of the covariance: ``unit`` x (I - axes' diag(damping) axes)."""

    axes: Floats  # (r, D), orthonormal rows
    damping: Floats  # (r,), 0 to 1: how much less a difference along the axis counts
    unit: float

    @classmethod
    def of(cls, residuals: Floats, freedom: int, crops: Ints | None = None) -> Self:
        """(N, D): rows less the mean of their type; ``freedom``: N less the number of types, which
        matters where each type has only two or three. Without any difference all count the same.

        ``crops[i]`` is the crop of row i (each row its own, if None): how much to shrink is asked of
        the crops, since several outlines of one teach nothing about others.
        """
        count = max(1, freedom)
        mean_variance = float((residuals**2).sum()) / (count * residuals.shape[1])
        if mean_variance < 1e-12:
            return cls(np.zeros((0, residuals.shape[1])), np.zeros(0), 1.0)
        apart = residuals if crops is None else _by_crop(residuals, crops)
        found = float(ledoit_wolf_shrinkage(apart, assume_centered=True))
        shrinkage = min(1.0, max(LEAST_SHRINKAGE, found))
        _, singular, axes = np.linalg.svd(residuals, full_matrices=False)
        variances = (1 - shrinkage) * singular**2 / count
        floor = shrinkage * mean_variance
        kept = variances > 1e-9 * floor
        return cls(axes[kept], variances[kept] / (variances[kept] + floor), 1 / floor)

    def weighed(self, values: Floats) -> Floats:
        """(n, D) times the inverse covariance."""
        along = values @ self.axes.T
        return np.asarray(self.unit * (values - (along * self.damping) @ self.axes))

    def distances(self, values: Floats, means: Floats) -> Floats:
        """Squared Mahalanobis distance of (n, D) to (T, D), divided by D: (n, T)."""
        found = [(self.weighed(values - mean) * (values - mean)).sum(axis=1) for mean in means]
        return np.stack(found, axis=1) / values.shape[1]


def _by_crop(residuals: Floats, crops: Ints) -> Floats:
    """(M, D): the mean of the rows of each of M crops."""
    _, of, counts = np.unique(crops, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), residuals.shape[1]))
    np.add.at(sums, of, residuals)
    return sums / counts[:, None]
