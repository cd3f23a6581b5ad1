"""What other thresholds would have done to the parts of a period. Pure: no database, no clock.

OK below ``ok``, not OK from ``not_ok`` on, a person between them: as a judge reads them. The page
computes the same while a slider moves (``static/whatif.js``); a test holds the two together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labeling.weighing import effective_size
from qms.reports.rates import Estimate, trials_needed, weighted_share
from qms.review.triage import Seen, audit_chance

SHIFT_HOURS = 8
TOLD = 0.01  # an escape rate that a decision on thresholds should be able to tell from none


@dataclass(frozen=True, slots=True)
class Looked:
    """A part that a person decided. ``weight`` is how many parts like it one stands for.

    ``always``: it was looked at for a reason that no threshold changes, such as a critical defect.
    """

    score: float
    bad: bool
    weight: float
    always: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """So many parts of about this score, whether a person saw them or not."""

    score: float
    parts: int
    always: bool = False


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the recipe says besides the thresholds."""

    route_not_ok: bool = True
    route_uncertain: bool = True
    audit_share: float = 0.0
    cost_review: float = 1.0
    cost_false_call: float = 5.0
    cost_escape: float = 100.0


@dataclass(frozen=True, kw_only=True)
class Production:
    """What one model judged in a period of so many shifts, and what people said of it."""

    looked: Sequence[Looked]
    judged: Sequence[Judged]
    shifts: int
    rules: Rules


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """All counts are of one shift. What cannot be known from the reviews is None."""

    accepted: float
    undecided: float
    rejected: float
    reviews: float
    false_calls: float | None
    false_call_rate: Estimate
    escapes: Estimate
    escape_rate: Estimate
    defects_accepted: int
    defects_known: int
    miss_rate: Estimate
    cost: Estimate
    like: float  # the looked-at parts among the accepted count like so many drawn evenly
    audits: float


def consequences(of: Production, *, ok: float, not_ok: float) -> Consequences:
    """What each shift of this period would have seen under these thresholds."""
    accepted = [p for p in of.judged if p.score < ok and not p.always]
    rejected = _per_shift(of, (p for p in of.judged if p.score >= not_ok))
    undecided = _per_shift(of, (p for p in of.judged if ok <= p.score < not_ok))
    passed = [p for p in of.looked if p.score < ok and not p.always]
    bad = [p for p in of.looked if p.bad]
    escape_rate = weighted_share((p.bad, p.weight) for p in passed)
    false_call_rate = weighted_share((not p.bad, p.weight) for p in of.looked if p.score >= not_ok)
    audits = sum(p.parts * _audit_chance(p, ok, not_ok, of.rules) for p in accepted) / of.shifts
    reviews = audits + _routed(of, ok, not_ok)
    false_calls = _of(rejected, false_call_rate.value)
    escapes = _times(escape_rate, _per_shift(of, accepted))
    return Consequences(
        accepted=_per_shift(of, accepted),
        undecided=undecided,
        rejected=rejected,
        reviews=reviews,
        false_calls=false_calls,
        false_call_rate=false_call_rate,
        escapes=escapes,
        escape_rate=escape_rate,
        defects_accepted=sum(p.bad for p in passed),
        defects_known=len(bad),
        miss_rate=weighted_share((p.score < ok and not p.always, p.weight) for p in bad),
        cost=_cost(of.rules, reviews, false_calls, escapes),
        like=effective_size(p.weight for p in passed),
        audits=audits,
    )


def _per_shift(of: Production, parts: Iterable[Judged]) -> float:
    return sum(p.parts for p in parts) / of.shifts


def _routed(of: Production, ok: float, not_ok: float) -> float:
    """Looked at because a rule says so, audits left out."""

    def seen(part: Judged) -> bool:
        if part.always:
            return True
        if part.score >= not_ok:
            return of.rules.route_not_ok
        return part.score >= ok and of.rules.route_uncertain

    return _per_shift(of, filter(seen, of.judged))


def _audit_chance(part: Judged, ok: float, not_ok: float, rules: Rules) -> float:
    seen = Seen(
        evaluation="OK",
        score=part.score,
        threshold_ok=ok,
        threshold_not_ok=not_ok,
        description="",
        marked=(),
        known_types=(),
    )
    return audit_chance(seen, rules.audit_share)[1]


def _of(parts: float, rate: float | None) -> float | None:
    """So many of these parts; of none it is none, whatever the rate."""
    if not parts:
        return 0.0
    return None if rate is None else rate * parts


def _times(rate: Estimate, parts: float) -> Estimate:
    return Estimate(_of(parts, rate.value), rate.low * parts, rate.high * parts, rate.n)


def _cost(rules: Rules, reviews: float, false_calls: float | None, escapes: Estimate) -> Estimate:
    """With the interval that the escapes give it; the rest is taken as counted."""
    if false_calls is None or escapes.value is None:
        return Estimate(None, 0.0, 0.0, escapes.n)
    sure = rules.cost_review * reviews + rules.cost_false_call * false_calls
    value, low, high = (
        sure + rules.cost_escape * some for some in (escapes.value, escapes.low, escapes.high)
    )
    return Estimate(value, low, high, escapes.n)


def audits_missing(found: Consequences) -> int:
    """How many more looks at accepted parts would tell an escape rate of ``TOLD`` from none."""
    return max(0, trials_needed(TOLD) - int(found.like))
