"""Do recent pictures still score like the normals of the calibration? Knows no files.

The two-sample Kolmogorov-Smirnov test says whether two sets of scores differ at all; with many
parts it finds differences that do not matter, so the verdict asks for a size as well: the largest
gap between the two cumulative shares (the statistic D itself). Shown beside it: by how many
calibration spreads the median moved, and which share lies above each threshold.

- Pictures of one part are not independent: one of each part is drawn, by seed, on both sides.
- Asked again and again, any test finds something some day. The n-th look may spend
  6 / (pi n)^2 of the 5 %, and all these shares together are 5 %; a p-value is adjusted for its
  look accordingly. So however long one watches a steady line, the chance of ever calling it
  drifting stays below 5 %, if each look takes new pictures.
- Held-out scores may lie a little above those of the finished detector, which knows more normals.
  A small shift downwards is expected, a shift upwards is not.

What is compared should be good parts or an unsorted stream in which defects are rare: a rise of
defects is found as well, and looks the same.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ks_2samp

from inference.binomial import interval
from inference.thresholds import Thresholds, part_numbers

LEAST = 20  # parts on either side
LEVEL = 0.05  # chance of ever calling a steady line drifting
GAP = 0.15  # smaller differences are not worth a call, however certain
CONFIDENCE = 0.95

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    STEADY = "steady"
    DRIFTING = "drifting"
    TOO_FEW = "too few"


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of parts and its exact 95 % interval."""

    recent: float
    low: float
    high: float
    calibration: float


@dataclass(frozen=True, kw_only=True)
class Drift:
    verdict: Verdict
    sentence: str
    recent: int  # parts
    calibration: int  # parts
    look: int
    gap: float  # Kolmogorov-Smirnov statistic, 0 to 1
    p_value: float  # of this look alone
    p_adjusted: float  # for all looks up to this one; below LEVEL counts
    shift: float  # of the median, in calibration spreads; above 0 = recent parts look odder
    above_ok: Share
    above_not_ok: Share

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(
    thresholds: Thresholds,
    scores: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    look: int = 1,
    seed: int = 0,
) -> Drift:
    """Recent scores (n,) against those of the calibration; ``groups`` as in ``Detector.fit``.

    ``look`` counts the checks of this artefact, this one included, from 1 on. ValueError without
    a score, with one that is not finite, or with a look below 1.
    """
    values = np.asarray(scores, np.float64)
    if len(values) == 0 or not np.isfinite(values).all() or look < 1:
        raise ValueError("a drift check needs finite scores and a look from 1 on")
    recent = one_of_each(values, part_numbers(groups, len(values)), seed)
    normal = _calibration(thresholds, seed)
    gap, p_value = (float(value) for value in ks_2samp(recent, normal))
    adjusted = min(1.0, p_value * (math.pi * look) ** 2 / 6)
    verdict = _verdict(min(len(recent), len(normal)), gap, adjusted)
    shift = float(np.median(recent) - np.median(normal)) / spread(normal)
    above_not_ok = _share(recent, normal, thresholds.not_ok)
    return Drift(
        verdict=verdict,
        sentence=_sentence(verdict, len(recent), len(normal), shift, above_not_ok),
        recent=len(recent),
        calibration=len(normal),
        look=look,
        gap=gap,
        p_value=p_value,
        p_adjusted=adjusted,
        shift=shift,
        above_ok=_share(recent, normal, thresholds.ok),
        above_not_ok=above_not_ok,
    )


def one_of_each(scores: Floats, parts: NDArray[np.int64], seed: int) -> Floats:
    """The score of one picture of each part, drawn by ``seed``."""
    order = np.random.default_rng(seed).permutation(len(scores))
    _, first = np.unique(parts[order], return_index=True)
    return np.asarray(scores[order][first])


def spread(scores: Floats) -> float:
    """Half the width of the middle 68 %: the standard deviation of a normal law, without tails."""
    low, high = np.quantile(scores, [0.16, 0.84])
    return max(float(high - low) / 2, 1e-9 * max(1.0, abs(float(high))))


def _calibration(thresholds: Thresholds, seed: int) -> Floats:
    """One calibration score a part. An artefact from before parts were kept gives as many scores
    as it had parts, evenly from the lowest to the highest.
    """
    scores = np.array(thresholds.calibration)
    if thresholds.parts:
        return one_of_each(scores, np.array(thresholds.parts, np.int64), seed)
    count = thresholds.independent
    return np.asarray(scores[((np.arange(count) + 0.5) * len(scores) / count).astype(np.int64)])


def _verdict(fewest: int, gap: float, adjusted: float) -> Verdict:
    if fewest < LEAST:
        return Verdict.TOO_FEW
    return Verdict.DRIFTING if adjusted < LEVEL and gap >= GAP else Verdict.STEADY


def _share(recent: Floats, normal: Floats, threshold: float) -> Share:
    above = int((recent >= threshold).sum())
    low, high = interval(above, len(recent), CONFIDENCE)
    return Share(
        recent=above / len(recent),
        low=low,
        high=high,
        calibration=float((normal >= threshold).mean()),
    )


def _sentence(verdict: Verdict, recent: int, normal: int, shift: float, above: Share) -> str:
    if verdict is Verdict.TOO_FEW:
        return (
            f"Too few: {LEAST} parts are needed on either side; "
            f"there are {recent} recent ones and {normal} of the calibration."
        )
    called = f"{100 * above.recent:.1f} % of them not ok"
    if verdict is Verdict.STEADY:
        return f"Steady: {recent} recent parts score like the {normal} held-out normals, {called}."
    return (
        f"Drifting: {recent} recent parts do not score like the {normal} held-out normals; "
        f"their median {_moved(shift)}, {called}. "
        "Look at light, lens, position and material, then calibrate anew."
    )


def _moved(shift: float) -> str:
    """Where the median went, in words; the spread is that of the calibration."""
    if abs(shift) < 0.1:
        return "is the same, their spread is not"
    way = "higher (odder)" if shift > 0 else "lower"
    return f"is {abs(shift):.1f} calibration spreads {way}"
