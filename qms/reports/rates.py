"""Shares with their intervals, and the rates of a line. Pure: no database, no clock.

Each formula stands here once, for the pages, the exports and the tests.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from labeling.weighing import effective_size

Z = 1.959964  # of 95 % confidence


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; ``value`` is None where there is nothing to count."""

    value: float | None
    low: float
    high: float
    n: int


def share(hits: int, trials: int) -> Estimate:
    """``hits`` of ``trials`` with Wilson's interval (1927); ValueError if that is no share."""
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no share")
    if trials == 0:
        return Estimate(None, 0.0, 1.0, 0)
    return Estimate(hits / trials, *_wilson(hits / trials, trials), trials)


def weighted_share(rows: Iterable[tuple[bool, float]]) -> Estimate:
    """A share among parts that were drawn with unequal chances, each with the inverse of its own.

    The ratio of two totals by Horvitz and Thompson (1952), as Hájek (1971) proposed it; its
    interval is Wilson's on the effective sample size of Kish (1965), (Σw)² / Σw². ``n`` is how
    many parts were looked at. With equal weights this is ``share``. ValueError unless each weight
    is positive.
    """
    counted = [(hit, weight) for hit, weight in rows]
    weights = [weight for _, weight in counted]
    if any(not 0 < weight < math.inf for weight in weights):
        raise ValueError("a part that could be drawn weighs more than nothing")
    if not counted:
        return Estimate(None, 0.0, 1.0, 0)
    hits = [weight for hit, weight in counted if hit]
    p = 1.0 if len(hits) == len(counted) else sum(hits) / sum(weights)
    return Estimate(p, *_wilson(p, effective_size(weights)), len(counted))


def trials_needed(rate: float) -> int:
    """How many parts without a single hit tell that the share is below ``rate``, by Wilson."""
    if not 0 < rate < 1:
        raise ValueError(f"{rate} is no rate that could be told")
    return math.ceil(Z * Z * (1 - rate) / rate)


def _wilson(p: float, trials: float) -> tuple[float, float]:
    extra = Z * Z / trials
    middle = (p + extra / 2) / (1 + extra)
    half = Z * math.sqrt(p * (1 - p) / trials + extra / (4 * trials)) / (1 + extra)
    low = 0.0 if p == 0 else max(0.0, middle - half)
    high = 1.0 if p == 1 else min(1.0, middle + half)
    return low, high


def first_pass_yield(first_ok: int, first_attempts: int) -> Estimate:
    """Parts that were OK at their first attempt; a second attempt never counts."""
    return share(first_ok, first_attempts)


def false_call_rate(false_calls: int, flagged_and_reviewed: int) -> Estimate:
    """Of what the model called bad and a person looked at, how much was good."""
    return share(false_calls, flagged_and_reviewed)


def escape_rate(escapes: int, accepted_and_audited: int) -> Estimate:
    """Of what the model accepted and chance sent to a person, how much was bad."""
    return share(escapes, accepted_and_audited)


def review_load(reviewed: int, inspected: int) -> Estimate:
    return share(reviewed, inspected)


def defects_per_unit(confirmed: int, units: int) -> float | None:
    return confirmed / units if units else None


def defects_per_million(confirmed: int, units: int, opportunities: int) -> float | None:
    """DPMO; ValueError unless a unit has an opportunity for a defect."""
    if opportunities < 1:
        raise ValueError("a unit has at least one opportunity for a defect")
    per_unit = defects_per_unit(confirmed, units)
    return None if per_unit is None else 1e6 * per_unit / opportunities
