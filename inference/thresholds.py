"""Image score to one of three answers, calibrated on held-out normals. Knows no test labels.

The rule. A picture's p-value is the share of held-out normals that look at least as odd, counted
with itself: p = (1 + #{calibration scores >= s}) / (n + 1) (split conformal prediction, Vovk et
al. 2005). If the new picture is a normal like the held-out ones, P(p <= a) <= a for every a.

- not ok: p <= false_call_rate, a false call at most that often.
- ok: p > undecided_rate, the region in which nine of ten normals lie (at the default 0.1). No
  defect is needed to know this, and nothing is promised about escapes: with no defects seen, *ok*
  only means "as normal as most normals". ``calibrate_escapes`` moves it once there are defects.
- not decidable: between the two. A person looks.

With fewer than 1 / false_call_rate - 1 normals no p-value gets that small. The upper threshold
then lies beyond the oddest normal, on an exponential tail through the median and the maximum, so
the fewer the normals, the wider the middle. What can be *promised* is computed from the data
alone (``inference.promises``), and counts independent parts, not pictures of the same part.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference import promises
from inference.judgement import Evaluation

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """``calibration`` holds the held-out normals' scores, ascending.

    What stands below ``promise`` was added later; an older artefact leaves it at its default.
    """

    ok: float  # below: ok
    not_ok: float  # at or above: not ok
    calibration: tuple[float, ...]
    false_call_rate: float  # the target
    independent: int  # held-out parts or scenes, each counted once
    promise: str
    parts: tuple[int, ...] = ()  # number of the part of each calibration score; () = not kept
    promise_rate: float | None = None  # false calls were demanded to be provably this rare
    escape_rate: float | None = None  # ``ok`` was set for this; None = from normals alone
    confirmed: int = 0  # independent confirmed defects that ``ok`` was set from

    def evaluation(self, score: float) -> Evaluation:
        if score >= self.not_ok:
            return Evaluation.NOT_OK
        return Evaluation.OK if score < self.ok else Evaluation.NOT_DECIDABLE

    def probability(self, score: float) -> float:
        """1 - conformal p-value: 0 = more normal than all held-out normals, towards 1 = odder."""
        return 1.0 - p_value(self.calibration, score)

    def as_json(self) -> dict[str, Any]:
        lists = {"calibration": list(self.calibration), "parts": list(self.parts)}
        return {**asdict(self), **lists}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The thresholds that ``as_json`` wrote, in this version or in another one of its format.

        Fields this version does not know are left alone; KeyError if one that it needs is missing,
        ValueError if one that is compared with scores is no number.
        """
        known = {entry.name: value[entry.name] for entry in fields(cls) if entry.name in value}
        numbers = {
            "ok": float(value["ok"]),
            "not_ok": float(value["not_ok"]),
            "calibration": tuple(float(score) for score in value["calibration"]),
            "parts": tuple(value.get("parts", ())),
        }
        return cls(**{**known, **numbers})


def calibrate(
    scores: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    false_call_rate: float = 0.01,
    undecided_rate: float = 0.10,
    promise_rate: float | None = None,
) -> Thresholds:
    """Thresholds from the scores of held-out normals; ``groups[i]`` as in ``Detector.fit``.

    ``promise_rate`` demands that false calls are provably at most this frequent at 95 %
    confidence; ``not_ok`` then rises as far as the proof needs. ValueError, in one sentence, if
    there are too few independent normals for it; also without a score, with one that is not
    finite, or with rates out of order.
    """
    values = _finite(scores, "calibration needs at least one finite score of a held-out normal")
    if not 0 < false_call_rate < undecided_rate < 1:
        raise ValueError("rates must be 0 < false_call_rate < undecided_rate < 1")
    order = np.argsort(values, kind="stable")
    ordered, parts = values[order], part_numbers(groups, len(values))[order]
    not_ok = score_at(ordered, false_call_rate)
    found = Thresholds(
        ok=min(score_at(ordered, undecided_rate), not_ok),
        not_ok=not_ok,
        calibration=tuple(float(score) for score in ordered),
        false_call_rate=false_call_rate,
        independent=int(parts.max()) + 1,
        promise=_what_holds(ordered, parts, not_ok, false_call_rate),
        parts=tuple(int(part) for part in parts),
    )
    return found if promise_rate is None else demand(found, promise_rate)


def demand(thresholds: Thresholds, promise_rate: float) -> Thresholds:
    """The same thresholds with ``not_ok`` raised until ``promise_rate`` is proven.

    ValueError, in one sentence, if there are too few independent held-out normals for it.
    """
    parts = np.array(thresholds.parts or range(len(thresholds.calibration)), np.int64)
    worst = worst_of_each(np.array(thresholds.calibration), parts)
    allowed = promises.events_to_allow(promises.FALSE_CALLS, thresholds.independent, promise_rate)
    escapes = thresholds.promise.partition("; ")[2]
    # Raising a threshold that was chosen otherwise keeps the bound of the rank fixed here.
    return replace(
        thresholds,
        not_ok=max(thresholds.not_ok, _above(worst, allowed)),
        promise=f"{promise(thresholds.independent, allowed)}{escapes and '; '}{escapes}",
        promise_rate=promise_rate,
    )


def calibrate_escapes(
    thresholds: Thresholds,
    defect_scores: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    escape_rate: float = 0.05,
) -> Thresholds:
    """The same thresholds with ``ok`` set from confirmed defects instead of from normals.

    ``ok`` becomes the highest score below which, at 95 % confidence, at most ``escape_rate`` of
    the defects of these kinds lie; each part counts once, with the lowest score of its pictures.
    So it falls where defects are hard to see and rises, up to ``not_ok``, where they are not.
    The scores must be of defects the detector has not learnt from. ValueError, in one sentence,
    if there are too few of them or one score is not finite.
    """
    values = _finite(defect_scores, "escapes need at least one finite score of a confirmed defect")
    lowest = -worst_of_each(-values, part_numbers(groups, len(values)))[::-1]
    allowed = promises.events_to_allow(promises.ESCAPES, len(lowest), escape_rate)
    extended = promises.sentence(promises.ESCAPES, len(lowest), allowed)
    return replace(
        thresholds,
        ok=min(float(lowest[allowed]), thresholds.not_ok),
        promise=f"{thresholds.promise.partition('; ')[0]}; {extended}",
        escape_rate=escape_rate,
        confirmed=len(lowest),
    )


def p_value(calibration: Sequence[float], score: float) -> float:
    """Conformal p-value of ``score`` against ascending calibration scores, in (0, 1]."""
    odder = len(calibration) - int(np.searchsorted(calibration, score, side="left"))
    return (1 + odder) / (len(calibration) + 1)


def score_at(ordered: Floats, rate: float) -> float:
    """The lowest score whose p-value is <= rate: just above a calibration score, or the tail's."""
    allowed = _allowed(len(ordered), rate)
    return _tail(ordered, rate) if allowed < 0 else _above(ordered, allowed)


def promise(independent: int, false_calls: int) -> str:
    """What held-out normals prove, in words, if ``false_calls`` of them were allowed beforehand."""
    return promises.sentence(promises.FALSE_CALLS, independent, false_calls)


def part_numbers(groups: Sequence[str] | None, count: int) -> Numbers:
    """A number for each of ``count`` pictures, the same for pictures of one group, from 0 on."""
    given = groups if groups is not None else [""] * count
    names = [f"group {group}" if group else f"picture {i}" for i, group in enumerate(given)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def worst_of_each(scores: Floats, parts: Numbers) -> Floats:
    """Highest score of each part, ascending: pictures of one part are not independent."""
    worst = np.full(int(parts.max()) + 1, -np.inf)
    np.maximum.at(worst, parts, scores)
    return np.sort(worst)


def _what_holds(ordered: Floats, parts: Numbers, not_ok: float, rate: float) -> str:
    """What is promised at a threshold that ``score_at`` has chosen for ``rate``."""
    worst = worst_of_each(ordered, parts)
    fewest, most = _parts_that_hold(max(_allowed(len(ordered), rate), 0), parts)
    called = max(int((worst >= not_ok).sum()), fewest)
    return promises.sentence(promises.FALSE_CALLS, len(worst), called, most - fewest + 1)


def _parts_that_hold(pictures: int, parts: Numbers) -> tuple[int, int]:
    """The fewest and the most parts that ``pictures`` pictures can belong to."""
    sizes = np.sort(np.bincount(parts))[::-1]
    fewest = int(np.searchsorted(np.cumsum(sizes), pictures)) + 1 if pictures else 0
    return fewest, min(pictures, len(sizes))


def _allowed(count: int, rate: float) -> int:
    """How many of ``count`` scores may lie at or above a threshold of this p-value; -1 = none is
    far enough out."""
    return math.floor(rate * (count + 1) + 1e-9) - 1


def _above(ordered: Floats, allowed: int) -> float:
    """Just above the score that leaves at most ``allowed`` beyond it."""
    return float(np.nextafter(ordered[len(ordered) - 1 - allowed], np.inf))


def _tail(ordered: Floats, rate: float) -> float:
    """Where an exponential tail through the median and the maximum has the probability ``rate``.

    The maximum of n scores stands at the probability 1 / (n + 1). At least the maximum itself.
    """
    n, middle, top = len(ordered), float(np.median(ordered)), float(ordered[-1])
    reach = math.log(0.5 / rate) / math.log(max(0.5 * (n + 1), 1.5))
    spread = max(top - middle, 0.05 * abs(top))  # few and equal normals still leave a middle
    return float(np.nextafter(max(top, middle + max(reach, 1.0) * spread), np.inf))


def _finite(scores: ArrayLike, refusal: str) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(refusal)
    return values
