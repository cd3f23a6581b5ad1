"""Exact bounds of a rate from counts (Clopper and Pearson 1934)."""

import math

from scipy.stats import beta


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """One-sided Clopper-Pearson bound: the rate is below it with this confidence.

    1.0 without trials. With no event in n trials it is 1 - (1 - confidence) ** (1 / n).
    The same number bounds the share of a population above the (events + 1)-th largest of n
    draws, whose law is Beta(events + 1, n - events).
    """
    if not 0 <= events <= trials:
        raise ValueError("events must lie between 0 and trials")
    if events == trials:
        return 1.0
    return float(beta.ppf(confidence, events + 1, trials - events))


def interval(events: float, trials: int, confidence: float) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a rate; NaN without trials.

    ``events`` need not be whole: a rate among pictures times the number of independent parts.
    """
    if not trials:
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    low = 0.0 if events <= 0 else float(beta.ppf(tail, events, trials - events + 1))
    high = 1.0 if events >= trials else float(beta.ppf(1 - tail, events + 1, trials - events))
    return low, high


def trials_needed(rate: float, confidence: float) -> int:
    """How many trials without an event prove that the rate is at most ``rate``."""
    if not 0 < rate < 1:
        raise ValueError("the rate must lie between 0 and 1")
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate) - 1e-9)


def events_allowed(trials: int, rate: float, confidence: float) -> int | None:
    """The most events in ``trials`` that still prove a rate of at most ``rate``; None if none do."""
    allowed = None
    for events in range(trials):
        if upper_bound(events, trials, confidence) > rate:
            break
        allowed = events
    return allowed
