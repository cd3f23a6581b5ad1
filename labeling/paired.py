"""Two models on the same pictures: how far apart are they, and how surely?

Everything is candidate minus champion, so above 0 the candidate is better. ``low`` and ``high``
are one-sided bounds: each alone is passed by the truth in at most 5 % of all samples. To be *no
worse within a margin* is to have ``low`` at or above minus the margin (non-inferiority).

What counts is parts, not pictures: several pictures of one part are not independent. Decisions
are told of a part as a whole, rankings draw its pictures together, and what cannot do either
refuses with ``Clustered``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import binom, norm, rankdata

from inference import metrics
from inference.binomial import upper_bound
from inference.intervals import draws
from inference.thresholds import part_numbers
from labeling.weighing import effective_size

CONFIDENCE = 0.95  # one-sided
RESAMPLES = 1000
_OF_LOSSES, _OF_GAINS = 0.96, 0.99  # together they err at most as often as CONFIDENCE allows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


class Clustered(ValueError):
    """Several pictures show one part, and this method takes each for a part of its own."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``trials`` are parts. ``lost``: right by the champion alone; ``gained``: by the candidate.
    ``p`` is two-sided, for no difference at all; None where the method gives none.
    """

    champion: float
    candidate: float
    low: float
    high: float
    trials: int
    method: str
    p: float | None = None
    lost: int = 0
    gained: int = 0

    @property
    def difference(self) -> float:
        return self.candidate - self.champion

    def no_worse_than(self, margin: float) -> bool:
        """It is shown that the candidate is at most ``margin`` worse."""
        return self.low >= -margin

    @property
    def surely_worse(self) -> bool:
        """The bound says so, and the test as well where there is an exact one: it is stricter."""
        return self.high < 0 and (self.p is None or self.p <= 2 * (1 - CONFIDENCE))


def mcnemar(lost: int, gained: int, *, mid: bool = False) -> float:
    """Exact two-sided p-value that both are right equally often (McNemar 1947).

    Of the parts on which they differ, each is lost with probability 1/2:
    p = 2 P(X <= min) with X ~ Bin(lost + gained, 1/2), at most 1. ``mid`` counts the observed
    outcome half (Fagerland, Lydersen and Laake 2013), which is less cautious.
    """
    if min(lost, gained) < 0:
        raise ValueError("parts are counted from 0 on")
    fewer, differ = min(lost, gained), lost + gained
    p = 2 * float(binom.cdf(fewer, differ, 0.5))
    return min(1.0, p - float(binom.pmf(fewer, differ, 0.5)) if mid else p)


def score_bounds(
    lost: float, gained: float, trials: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """One-sided bounds of P(gained) - P(lost) by Tango's score test (1998).

    The difference d is not ruled out while (gained - lost - n d) / sqrt(n (2 q + d (1 - d))) lies
    within the normal quantile, q being P(lost) at its likeliest under d. Counts need not be
    whole: with unequal weights they are shares of the effective size.
    """
    if min(lost, gained) < 0 or trials <= 0 or lost + gained > trials * (1 + 1e-9):
        raise ValueError(f"{lost:g} lost and {gained:g} gained of {trials:g} cannot be")
    z, seen = float(norm.ppf(confidence)), (gained - lost) / trials

    def beyond(difference: float, quantile: float) -> float:
        return _score(lost, gained, trials, difference) - quantile

    edge = 1 - 1e-12
    low = _root(beyond, -edge, seen, z) if seen > -edge else -1.0
    high = _root(beyond, seen, edge, -z) if seen < edge else 1.0
    return low, high


def _root(
    beyond: Callable[[float, float], float], start: float, end: float, quantile: float
) -> float:
    """Where it falls to 0; an end of the range where it does not reach it inside."""
    if beyond(start, quantile) <= 0:
        return start
    if beyond(end, quantile) >= 0:
        return end
    return float(brentq(beyond, start, end, args=(quantile,), xtol=1e-12))


def _score(lost: float, gained: float, n: float, difference: float) -> float:
    """Tango's statistic; it falls as the difference grows."""
    b = -lost - gained + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    likeliest = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * likeliest + difference * (1 - difference))
    distance = gained - lost - n * difference
    if variance <= 1e-15:
        return math.copysign(math.inf, distance) if abs(distance) > 1e-12 else 0.0
    return distance / math.sqrt(variance)


def exact_bound(lost: int, gained: int, trials: int) -> float:
    """A lower bound of P(gained) - P(lost) that holds at 95 % for however few parts.

    Clopper-Pearson's upper bound of what is lost at 96 % off their lower bound of what is gained
    at 99 %: both hold together at 95 % (Bonferroni). -1.0 without parts.
    """
    if trials == 0:
        return -1.0
    gain = 1 - upper_bound(trials - gained, trials, _OF_GAINS)
    return gain - upper_bound(lost, trials, _OF_LOSSES)


def parts_needed(margin: float) -> int:
    """How many parts with nothing lost show, by ``exact_bound``, at most ``margin`` worse."""
    if not 0 < margin < 1:
        raise ValueError("the margin must lie between 0 and 1")
    return math.ceil(math.log(1 - _OF_LOSSES) / math.log1p(-margin) - 1e-9)


def decisions(
    champion: Sequence[bool],
    candidate: Sequence[bool],
    groups: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> Comparison:
    """Which of the two decides rightly more often; one flag a picture, told of whole parts.

    A part is decided rightly if all its pictures are, and weighs as much as the mean of them.
    Equal weights give McNemar's exact p and Tango's bounds; unequal ones the bounds of the
    weighted shares at Kish's effective size, and no p. ValueError without a picture.
    """
    if not len(champion):
        raise ValueError("nothing was decided by both")
    parts = part_numbers(groups, len(champion))
    before, after = _all_right(champion, parts), _all_right(candidate, parts)
    given = np.ones(len(parts)) if weights is None else np.asarray(weights, np.float64)
    weight = np.bincount(parts, given) / np.bincount(parts)
    even = bool(np.allclose(weight, weight[0]))
    size = float(len(weight)) if even else effective_size(weight.tolist())
    share = weight / weight.sum()
    lost, gained = before & ~after, after & ~before
    low, high = score_bounds(size * share @ lost, size * share @ gained, size)
    return Comparison(
        champion=float(share @ before),
        candidate=float(share @ after),
        low=low,
        high=high,
        trials=len(weight),
        method="McNemar and Tango" if even else "Tango on weighted shares",
        p=mcnemar(int(lost.sum()), int(gained.sum())) if even else None,
        lost=int(lost.sum()),
        gained=int(gained.sum()),
    )


def _all_right(right: Sequence[bool], parts: Numbers) -> Flags:
    found = np.ones(int(parts.max()) + 1, bool)
    np.logical_and.at(found, parts, np.asarray(right, bool))
    return found


def ranking(
    champion: ArrayLike,
    candidate: ArrayLike,
    defects: ArrayLike,
    groups: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
) -> Comparison:
    """AUROC against AUROC: ``delong`` where it may be used, ``bootstrap`` where parts have several
    pictures or pictures weigh differently.
    """
    even = weights is None or bool(np.allclose(np.asarray(weights, float), np.max(weights)))
    if even and not _clustered(groups, len(np.asarray(defects))):
        return delong(champion, candidate, defects)
    return bootstrap(champion, candidate, defects, groups, weights)


def delong(
    champion: ArrayLike,
    candidate: ArrayLike,
    defects: ArrayLike,
    groups: Sequence[str] | None = None,
) -> Comparison:
    """Paired AUROC by DeLong, DeLong and Clarke-Pearson (1988), computed as Sun and Xu (2014).

    A defect's placement is the share of goods that it beats, read off midranks; so is a good's.
    The AUROC is their mean, and the variance of the difference is that of the placements'
    differences: S10 / m + S01 / n. A normal approximation: with areas near 1 one bound may err in 8
    of 100 samples and the other in 2. Clustered where two pictures are of one group; ValueError
    with fewer than two of each class.
    """
    truth = np.asarray(defects, bool)
    if _clustered(groups, len(truth)):
        raise Clustered("DeLong takes each picture for a part of its own: use the bootstrap")
    if min(truth.sum(), (~truth).sum()) < 2:
        raise ValueError("two defects and two good parts are the least that can be compared")
    first, second = _placements(champion, truth), _placements(candidate, truth)
    gap = [after - before for before, after in zip(first, second, strict=True)]
    deviation = math.sqrt(sum(float(np.var(one, ddof=1)) / len(one) for one in gap))
    areas = float(first[0].mean()), float(second[0].mean())
    difference, z = areas[1] - areas[0], float(norm.ppf(CONFIDENCE))
    return Comparison(
        champion=areas[0],
        candidate=areas[1],
        low=difference - z * deviation,
        high=difference + z * deviation,
        trials=len(truth),
        method="DeLong",
        p=2 * float(norm.sf(abs(difference) / deviation)) if deviation > 0 else 1.0,
    )


def bootstrap(
    champion: ArrayLike,
    candidate: ArrayLike,
    defects: ArrayLike,
    groups: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Paired AUROC by the percentile bootstrap over parts (Efron 1979).

    Parts with a defect and parts without are drawn separately, all pictures of a part together,
    the same ones for both models. Where nothing differs in the sample it says [0, 0], however
    small: ask for enough parts. ValueError without both classes.
    """
    truth = np.asarray(defects, bool)
    if not truth.any() or truth.all():
        raise ValueError("defects and good parts are needed to compare rankings")
    parts = part_numbers(groups, len(truth))
    weight = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
    drawn = draws(parts, truth, seed=seed, resamples=resamples)
    first, second = _areas(champion, truth, weight), _areas(candidate, truth, weight)
    once = np.ones(len(truth))
    gaps = np.array([second(times[parts]) - first(times[parts]) for times in drawn])
    low, high = np.nanquantile(gaps, [1 - CONFIDENCE, CONFIDENCE])
    return Comparison(
        champion=first(once),
        candidate=second(once),
        low=float(low),
        high=float(high),
        trials=int(parts.max()) + 1,
        method="bootstrap over parts",
    )


def _clustered(groups: Sequence[str] | None, count: int) -> bool:
    return int(part_numbers(groups, count).max(initial=-1)) + 1 < count


def _placements(scores: ArrayLike, truth: Flags) -> tuple[Floats, Floats]:
    """Of each defect the share of goods below it, of each good the share of defects above it."""
    values = np.asarray(scores, np.float64)
    bad, good = values[truth], values[~truth]
    among_all = rankdata(np.concatenate([bad, good]))
    of_bad = (among_all[: len(bad)] - rankdata(bad)) / len(good)
    of_good = 1 - (among_all[len(bad) :] - rankdata(good)) / len(bad)
    return of_bad, of_good


def _areas(scores: ArrayLike, truth: Flags, weight: Floats) -> Callable[[ArrayLike], float]:
    """The AUROC by how often each picture is drawn."""
    distinct, place = np.unique(np.asarray(scores, np.float64), return_inverse=True)

    def area(times: ArrayLike) -> float:
        counted = weight * np.asarray(times, np.float64)
        bad = np.bincount(place, counted * truth, len(distinct))[::-1].astype(np.float64)
        good = np.bincount(place, counted * ~truth, len(distinct))[::-1].astype(np.float64)
        return metrics.auroc_of(bad, good)

    return area
