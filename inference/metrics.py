"""How good scores and heat maps are against the truth. Knows no detector and no files.

Image metrics are exact. Pixel metrics work on counts of heat values in bins (``PixelTally``
in ``inference.pixelmetrics``), because hundreds of large maps do not fit in memory at once.
"""

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.judgement import Evaluation

Floats = NDArray[np.float64]
Counts = NDArray[np.float64]

NOTHING = float("nan")  # a figure that needs both classes and has one


def tallies(scores: ArrayLike, defects: ArrayLike) -> tuple[Counts, Counts]:
    """Counts of (defects, normals) at each distinct score, highest score first."""
    values = np.asarray(scores, np.float64)
    truth = np.asarray(defects, bool)
    distinct, place = np.unique(values, return_inverse=True)
    positive = np.bincount(place[truth], minlength=len(distinct))[::-1]
    negative = np.bincount(place[~truth], minlength=len(distinct))[::-1]
    return positive.astype(np.float64), negative.astype(np.float64)


def auroc(scores: ArrayLike, defects: ArrayLike) -> float:
    """Chance that a random defect scores above a random normal; ties count half."""
    return auroc_of(*tallies(scores, defects))


def average_precision(scores: ArrayLike, defects: ArrayLike) -> float:
    """Sum over thresholds of precision times gain in recall, no interpolation."""
    return average_precision_of(*tallies(scores, defects))


def f1_max(scores: ArrayLike, defects: ArrayLike) -> float:
    """Best F1 over all thresholds."""
    positive, negative = tallies(scores, defects)
    if not positive.sum():
        return NOTHING
    hits, alarms = np.cumsum(positive), np.cumsum(negative)
    return float((2 * hits / (hits + alarms + positive.sum())).max())


def auroc_of(positive: Counts, negative: Counts) -> float:
    """AUROC from counts by falling score."""
    if not positive.sum() or not negative.sum():
        return NOTHING
    below = negative.sum() - np.cumsum(negative)
    wins = (positive * (below + 0.5 * negative)).sum()
    return float(wins / (positive.sum() * negative.sum()))


def average_precision_of(positive: Counts, negative: Counts) -> float:
    """Average precision from counts by falling score."""
    if not positive.sum():
        return NOTHING
    hits, alarms = np.cumsum(positive), np.cumsum(negative)
    precision = hits / np.maximum(hits + alarms, 1)
    return float((precision * positive).sum() / positive.sum())


def gate_rates(evaluations: Sequence[Evaluation], defects: Sequence[bool]) -> dict[str, float]:
    """What the calibrated thresholds do: rates over all pictures of the class named.

    - false_call_rate: normals called not ok.
    - escape_rate: defects called ok.
    - not_decidable_rate: all pictures that go to a person.
    - balanced_accuracy: mean of the share of defects not called ok and of normals called ok;
      so what goes to a person counts as caught for a defect and as missed for a normal.
    """
    truth = np.asarray(defects, bool)
    passed = np.array([evaluation is Evaluation.OK for evaluation in evaluations], bool)
    called = np.array([evaluation is Evaluation.NOT_OK for evaluation in evaluations], bool)
    escapes, passes = _share(passed[truth]), _share(passed[~truth])
    return {
        "balanced_accuracy": ((1 - escapes) + passes) / 2,
        "false_call_rate": _share(called[~truth]),
        "escape_rate": escapes,
        "not_decidable_rate": _share(~passed & ~called),
    }


def by_type(
    scores: ArrayLike, types: Sequence[str], evaluations: Sequence[Evaluation]
) -> dict[str, dict[str, float]]:
    """For each defect type ("" = good): AUROC against all normals, and the share not called ok."""
    kinds = sorted(set(types) - {""})
    return {kind: of_types(scores, types, evaluations, {kind}) for kind in kinds}


def of_types(
    scores: ArrayLike, types: Sequence[str], evaluations: Sequence[Evaluation], chosen: Set[str]
) -> dict[str, float]:
    """The defects of some types ("" = good) as one: AUROC against all normals, share not called
    ok, number of pictures. NaN where there are none.
    """
    values = np.asarray(scores, np.float64)
    defects = np.array([kind in chosen for kind in types], bool)
    among = defects | np.array([kind == "" for kind in types], bool)
    caught = np.array([evaluation is not Evaluation.OK for evaluation in evaluations], bool)
    return {
        "image_auroc": auroc(values[among], defects[among]),
        "recall": _share(caught[defects]),
        "images": int(defects.sum()),
    }


def latency(milliseconds: ArrayLike) -> dict[str, float]:
    p50, p95, p99 = np.percentile(np.asarray(milliseconds, np.float64), [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}


def _share(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if len(chosen) else NOTHING
