"""Which pictures teach, which stop the teaching, and which calibrate. Whole groups, always.

The calibrating normals are seen by nobody before the thresholds are taken: no picture of their
parts teaches anything, so a part of which a defect is learnt cannot calibrate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.calibration import folds

CALIBRATING = 4  # one normal in so many
VALIDATING = 5  # one of the other pictures in so many

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Parted:
    """Bool (normals,) and bool (defects,); what neither calibrates nor validates teaches."""

    calibrating: Chosen
    validating: Chosen
    defects_validating: Chosen

    @property
    def teaching(self) -> Chosen:
        return ~(self.calibrating | self.validating)


def parted(groups: Sequence[str], defect_groups: Sequence[str], seed: int) -> Parted:
    """ValueError unless the normals show at least three parts, one without a learnt defect."""
    calibrating = _calibrating(groups, set(defect_groups) - {""}, seed)
    rest = np.flatnonzero(~calibrating)
    fold = folds([*(groups[index] for index in rest), *defect_groups], VALIDATING, seed + 1)
    of_normals, of_defects = fold[: len(rest)], fold[len(rest) :]
    if not calibrating.any() or len(set(of_normals.tolist())) < 2:
        raise ValueError(
            "learning defects needs pictures of at least three good parts, "
            "and of a good part of which no defect is learnt"
        )
    number = _most_even(of_normals, of_defects)
    validating = np.zeros(len(groups), bool)
    validating[rest[of_normals == number]] = True
    return Parted(calibrating, validating, np.asarray(of_defects == number))


def _calibrating(groups: Sequence[str], defective: set[str], seed: int) -> Chosen:
    """About a quarter, and never all of the parts that there are."""
    clean = np.array([index for index, name in enumerate(groups) if name not in defective], int)
    chosen = np.zeros(len(groups), bool)
    if len(clean):
        fold = folds([groups[index] for index in clean], CALIBRATING, seed)
        chosen[clean[fold == fold.max()]] = True
    return chosen


def _most_even(of_normals: NDArray[np.int64], of_defects: NDArray[np.int64]) -> int:
    """The fold with some normals, not all, whose share of the defects is nearest to its due."""
    numbers = [n for n in range(VALIDATING) if 0 < (of_normals == n).sum() < len(of_normals)]
    due = len(of_defects) / VALIDATING
    return min(numbers, key=lambda number: abs(float((of_defects == number).sum()) - due))
