"""Image score to one of three answers, calibrated on held-out normals. Knows no test labels.

The rule. A picture's p-value is the share of held-out normals that look at least as odd, counted
with itself: p = (1 + #{calibration scores >= s}) / (n + 1) (split conformal prediction, Vovk et
al. 2005). If the new picture is a normal like the held-out ones, P(p <= a) <= a for every a.

- not ok: p <= false_call_rate, a false call at most that often.
- ok: p > undecided_rate, the region in which nine of ten normals lie (at the default 0.1). No
  defect is needed to know this, and nothing is promised about escapes: with no defects seen, *ok*
  only means "as normal as most normals".
- not decidable: between the two. A person looks.

With fewer than 1 / false_call_rate - 1 normals no p-value gets that small. The upper threshold
then lies beyond the oddest normal, on an exponential tail through the median and the maximum, so
the fewer the normals, the wider the middle. What can be *promised* is computed from the data
alone, by the exact binomial bound (Clopper and Pearson 1934), and counts independent parts, not
pictures of the same part.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.binomial import upper_bound
from inference.judgement import Evaluation

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """``calibration`` holds the held-out normals' scores, ascending."""

    ok: float  # below: ok
    not_ok: float  # at or above: not ok
    calibration: tuple[float, ...]
    false_call_rate: float  # the target
    independent: int  # held-out parts or scenes, each counted once
    promise: str

    def evaluation(self, score: float) -> Evaluation:
        if score >= self.not_ok:
            return Evaluation.NOT_OK
        return Evaluation.OK if score < self.ok else Evaluation.NOT_DECIDABLE

    def probability(self, score: float) -> float:
        """1 - conformal p-value: 0 = more normal than all held-out normals, towards 1 = odder."""
        return 1.0 - p_value(self.calibration, score)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "calibration": list(self.calibration)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(**{**value, "calibration": tuple(value["calibration"])})


def calibrate(
    scores: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    false_call_rate: float = 0.01,
    undecided_rate: float = 0.10,
) -> Thresholds:
    """Thresholds from the scores of held-out normals; ``groups[i]`` as in ``Detector.fit``.

    ValueError without a score, with one that is not finite, or with rates out of order.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    if len(ordered) == 0 or not np.isfinite(ordered).all():
        raise ValueError("calibration needs at least one finite score of a held-out normal")
    if not 0 < false_call_rate < undecided_rate < 1:
        raise ValueError("rates must be 0 < false_call_rate < undecided_rate < 1")
    not_ok = score_at(ordered, false_call_rate)
    worst = _worst_of_each_group(np.asarray(scores, dtype=np.float64), groups)
    return Thresholds(
        ok=min(score_at(ordered, undecided_rate), not_ok),
        not_ok=not_ok,
        calibration=tuple(float(score) for score in ordered),
        false_call_rate=false_call_rate,
        independent=len(worst),
        promise=promise(len(worst), int((worst >= not_ok).sum())),
    )


def p_value(calibration: Sequence[float], score: float) -> float:
    """Conformal p-value of ``score`` against ascending calibration scores, in (0, 1]."""
    odder = len(calibration) - int(np.searchsorted(calibration, score, side="left"))
    return (1 + odder) / (len(calibration) + 1)


def score_at(ordered: NDArray[np.float64], rate: float) -> float:
    """The lowest score whose p-value is <= rate: just above a calibration score, or the tail's."""
    allowed = math.floor(rate * (len(ordered) + 1) + 1e-9) - 1  # scores that may lie at or above
    if allowed < 0:
        return _tail(ordered, rate)
    return float(np.nextafter(ordered[len(ordered) - 1 - allowed], np.inf))


def promise(independent: int, false_calls: int) -> str:
    """What the held-out normals prove, in words."""
    bound = 100 * upper_bound(false_calls, independent, CONFIDENCE)
    parts = "1 held-out normal" if independent == 1 else f"{independent} held-out normals"
    return (
        f"with {parts}: false calls <= {_rounded_up(bound)} % at {CONFIDENCE:.0%} confidence"
    ).replace("95%", "95 %")


def _rounded_up(percent: float) -> str:
    return f"{math.ceil(percent * 10 - 1e-9) / 10:g}"


def _tail(ordered: NDArray[np.float64], rate: float) -> float:
    """Where an exponential tail through the median and the maximum has the probability ``rate``.

    The maximum of n scores stands at the probability 1 / (n + 1). At least the maximum itself.
    """
    n, middle, top = len(ordered), float(np.median(ordered)), float(ordered[-1])
    reach = math.log(0.5 / rate) / math.log(max(0.5 * (n + 1), 1.5))
    spread = max(top - middle, 0.05 * abs(top))  # few and equal normals still leave a middle
    return float(np.nextafter(max(top, middle + max(reach, 1.0) * spread), np.inf))


def _worst_of_each_group(
    scores: NDArray[np.float64], groups: Sequence[str] | None
) -> NDArray[np.float64]:
    """Highest score of each part: pictures of one part are not independent of one another."""
    worst: dict[str, float] = {}
    for index, score in enumerate(scores):
        group = groups[index] if groups is not None else ""
        name = f"group {group}" if group else f"picture {index}"
        worst[name] = max(worst.get(name, -math.inf), float(score))
    return np.array(list(worst.values()))
