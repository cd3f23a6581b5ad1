"""How good names are against the truth. Knows no namer and no picture.

Truth and answer are codes; an answer may be *unknown* or "" (nothing was found to be named).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.namers.namer import UNKNOWN

BINS = 10  # of the calibration error


def figures(truth: Sequence[str], said: Sequence[str], sure: Sequence[float]) -> dict[str, Any]:
    """All figures of n answers, ``sure`` being the probability of each; ValueError for none."""
    if not truth:
        raise ValueError("there is nothing to compare")
    right = [one == other for one, other in zip(truth, said, strict=True)]
    return {
        "answers": len(right),
        "accuracy": sum(right) / len(right),
        "macro_f1": macro_f1(truth, said),
        "calibration_error": calibration_error(sure, right),
        "unknown_rate": sum(answer == UNKNOWN for answer in said) / len(said),
        "confusion": confusion(truth, said),
    }


def macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    """The mean over the types that occur in the truth."""
    return float(np.mean([_f1(truth, said, code) for code in sorted(set(truth))]))


def calibration_error(sure: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: how far stated probability and share of hits lie apart.

    Ten bins of equal width, each weighted by its answers (Guo et al. 2017, arXiv 1706.04599).
    """
    stated, hit = np.asarray(sure, np.float64), np.asarray(right, np.float64)
    bins = np.minimum((stated * BINS).astype(int), BINS - 1)
    apart = [abs((stated - hit)[bins == number].sum()) for number in range(BINS)]
    return float(sum(apart) / len(hit))


def confusion(truth: Sequence[str], said: Sequence[str]) -> dict[str, dict[str, int]]:
    """Truth to answer to count; only what occurred."""
    table: dict[str, dict[str, int]] = {code: {} for code in sorted(set(truth))}
    for one, other in sorted(zip(truth, said, strict=True)):
        table[one][other] = table[one].get(other, 0) + 1
    return table


def _f1(truth: Sequence[str], said: Sequence[str], code: str) -> float:
    both = sum(one == other == code for one, other in zip(truth, said, strict=True))
    return 2 * both / (sum(one == code for one in truth) + sum(one == code for one in said))
