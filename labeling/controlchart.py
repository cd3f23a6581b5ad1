"""A control chart of shares, for large subgroups that vary more than chance alone: Laney's p'.

Formulas (Laney 2002): the centre c is all events over all trials, s = √(c (1 − c) / n) and
z = (p − c) / s of each subgroup, sigma_z = mean |z − former z| / 1.128, limits c ± 3 s sigma_z,
within 0 and 1. The rules look at z / sigma_z, because subgroups differ in size. There are two of
them: a point beyond the limits, and nine in a row on one side (Nelson 1984, tests 1 and 2); all
eight together would flood people with alarms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

LIMIT = 3.0
RUN = 9
_D2 = 1.128  # mean range of two draws from a normal law, in standard deviations


class Rule(StrEnum):
    BEYOND = "beyond the limits"
    RUN = "nine in a row on one side"


@dataclass(frozen=True, kw_only=True)
class Subgroup:
    """``events`` of ``trials``, up to ``at``; ValueError if that is no share."""

    at: datetime
    events: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.events <= self.trials:
            raise ValueError(f"{self.events} of {self.trials} is no share")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One subgroup on the chart. ``z`` is in units of the limits' sigma; above 0 = more events."""

    at: datetime
    share: float
    z: float
    low: float
    high: float
    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """``sigma_z`` above 1: the shares vary more than chance alone lets them."""

    centre: float
    sigma_z: float
    points: tuple[Point, ...]


def laney(subgroups: Sequence[Subgroup], *, baseline: int | None = None) -> Chart | None:
    """The chart, by time; empty subgroups are left out.

    ``baseline`` is from how many of the first subgroups centre and spread are taken; None = all.
    None where they tell no spread: fewer than two, or all or none of their trials were events.
    """
    known = sorted((one for one in subgroups if one.trials), key=lambda one: one.at)
    base = known[:baseline]
    trials, events = sum(one.trials for one in base), sum(one.events for one in base)
    if len(base) < 2 or events in (0, trials):
        return None
    centre = events / trials
    plain = [_z(one, centre) for one in known]
    moves = [abs(after - before) for before, after in pairwise(plain[: len(base)])]
    sigma_z = sum(moves) / len(moves) / _D2 or 1.0  # all the same: nothing beyond chance is known
    zs = [z / sigma_z for z in plain]
    points = [
        _point(one, z, centre, sigma_z, rules)
        for one, z, rules in zip(known, zs, _rules(zs), strict=True)
    ]
    return Chart(centre=centre, sigma_z=sigma_z, points=tuple(points))


def _sigma(one: Subgroup, centre: float) -> float:
    return math.sqrt(centre * (1 - centre) / one.trials)


def _z(one: Subgroup, centre: float) -> float:
    return (one.events / one.trials - centre) / _sigma(one, centre)


def _point(
    one: Subgroup, z: float, centre: float, sigma_z: float, rules: tuple[Rule, ...]
) -> Point:
    reach = LIMIT * _sigma(one, centre) * sigma_z
    return Point(
        at=one.at,
        share=one.events / one.trials,
        z=z,
        low=max(0.0, centre - reach),
        high=min(1.0, centre + reach),
        rules=rules,
    )


def _rules(zs: Sequence[float]) -> list[tuple[Rule, ...]]:
    found, side, run = [], 0, 0
    for z in zs:
        now = (z > 0) - (z < 0)
        run = run + 1 if now == side and now else abs(now)
        side = now
        hits = ((Rule.BEYOND, abs(z) > LIMIT), (Rule.RUN, run >= RUN))
        found.append(tuple(rule for rule, hit in hits if hit))
    return found
