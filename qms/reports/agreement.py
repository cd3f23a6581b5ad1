"""How far people and the model agree on the same parts. Pure: no database, no clock.

Chance-corrected agreement of two appraisers (Cohen 1960) and of several (Fleiss 1971), each with a
95 % interval by the jackknife over parts: it asks nothing of the distribution and is the same for
both. Repeatability is an appraiser against himself; misses and false alarms are an appraiser
against what is known to be true. The model is an appraiser like any other.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from qms.reports.rates import Estimate, Z, share

T = TypeVar("T", bound=Hashable)
Answers = Mapping[str, int]  # how many appraisers gave each answer to one part


def cohen(pairs: Iterable[tuple[str, str]]) -> Estimate:
    """Kappa of two appraisers who each answered every part once."""
    return _jackknifed(Counter(pairs), _cohen)


def fleiss(parts: Iterable[Answers]) -> Estimate:
    """Kappa of several appraisers; ValueError unless each part has equally many, two or more."""
    counted = Counter(tuple(sorted((a, n) for a, n in part.items() if n)) for part in parts)
    raters = {sum(n for _, n in part) for part in counted}
    if len(raters) > 1 or min(raters, default=2) < 2:
        raise ValueError("each part needs the same number of answers, at least two")
    return _jackknifed(counted, _fleiss)


def repeatability(trials: Iterable[Sequence[str]]) -> Estimate:
    """Parts to which one appraiser gave the same answer each time he saw them."""
    seen_again = [answers for answers in trials if len(answers) > 1]
    return share(sum(len(set(answers)) == 1 for answers in seen_again), len(seen_again))


def misses(said_and_true: Iterable[tuple[str, str]], bad: str) -> Estimate:
    """Of the parts that are truly bad, those that the appraiser did not call bad."""
    said = [answer for answer, truth in said_and_true if truth == bad]
    return share(sum(answer != bad for answer in said), len(said))


def false_alarms(said_and_true: Iterable[tuple[str, str]], bad: str) -> Estimate:
    """Of the parts that are not bad, those that the appraiser called bad."""
    said = [answer for answer, truth in said_and_true if truth != bad]
    return share(sum(answer == bad for answer in said), len(said))


def _cohen(pairs: Counter[tuple[str, str]]) -> tuple[float, float]:
    """Observed agreement, and that of chance."""
    n = pairs.total()
    first, second = Counter[str](), Counter[str]()
    for (one, other), times in pairs.items():
        first[one] += times
        second[other] += times
    agreed = sum(times for (one, other), times in pairs.items() if one == other) / n
    return agreed, sum(first[word] * second[word] for word in first) / n**2


def _fleiss(parts: Counter[tuple[tuple[str, int], ...]]) -> tuple[float, float]:
    n, totals, agreed = parts.total(), Counter[str](), 0.0
    for part, times in parts.items():
        m = sum(count for _, count in part)
        agreed += times * sum(count * (count - 1) for _, count in part) / (m * (m - 1))
        for word, count in part:
            totals[word] += times * count
    whole = totals.total()
    return agreed / n, sum((count / whole) ** 2 for count in totals.values())


def _beyond_chance(agreed: float, expected: float) -> float | None:
    """None where all gave one and the same answer: nothing can be said of chance."""
    return None if math.isclose(expected, 1.0) else (agreed - expected) / (1 - expected)


def _jackknifed(
    parts: Counter[T], statistic: Callable[[Counter[T]], tuple[float, float]]
) -> Estimate:
    """Tukey (1958): the spread of kappa when one part at a time is left out.

    Where all agree there is no spread to see: then as little observed agreement as Wilson's
    interval allows tells the lower end.
    """
    n = parts.total()
    agreed, expected = statistic(parts) if n else (0.0, 1.0)
    value = _beyond_chance(agreed, expected)
    if value is None or n < 2:
        return Estimate(value, -1.0, 1.0, n)
    without = [
        (_beyond_chance(*statistic(parts - Counter([p]))), times) for p, times in parts.items()
    ]
    known = [(figure, times) for figure, times in without if figure is not None]
    if sum(times for _, times in known) < n:  # it hangs on a single part
        return Estimate(value, -1.0, 1.0, n)
    if math.isclose(agreed, 1.0):
        least = _beyond_chance(share(n, n).low, expected)
        return Estimate(value, max(-1.0, least or 0.0), 1.0, n)
    middle = sum(figure * times for figure, times in known) / n
    spread = math.sqrt((n - 1) / n * sum(t * (figure - middle) ** 2 for figure, t in known))
    if math.isclose(spread, 0.0, abs_tol=1e-12):  # somebody says the same of every part
        return Estimate(value, -1.0, 1.0, n)
    return Estimate(value, max(-1.0, value - Z * spread), min(1.0, value + Z * spread), n)
