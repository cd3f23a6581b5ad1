"""The consequences of two pairs of thresholds side by side, in words. Pure.

``static/whatif.js`` writes the same words while a slider moves; a test reads both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from qms.reports.rates import Estimate
from qms.reports.whatif import TOLD, Consequences, audits_missing

UNKNOWN = "not known"


@dataclass(frozen=True)
class Line:
    """One line of the table: what it is, at present, with these thresholds, and what changes."""

    key: str
    label: str
    note: str
    present: str
    chosen: str
    change: str
    direction: str  # better, worse or same; empty where neither is


@dataclass(frozen=True)
class _Measure:
    key: str
    label: str
    note: str
    value: Callable[[Consequences], float | None]
    text: Callable[[Consequences], str]
    words: tuple[str, str]  # of a rise and of a fall
    rise: str = "worse"  # what a rise is
    points: bool = False  # a share: its change is in percentage points
    digits: int = 1


def fixed(value: float, digits: int = 1) -> str:
    """12,345.6, rounded half up as people and browsers do."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{abs(rounded):,}" if not rounded else f"{rounded:,}"


def _plain(value: float | None) -> str:
    return UNKNOWN if value is None else fixed(value)


def _counted(found: Estimate) -> str:
    if found.value is None:
        return UNKNOWN
    return f"{fixed(found.value)} ({fixed(found.low)} to {fixed(found.high)})"


def _rate(found: Estimate) -> str:
    if found.value is None:
        return UNKNOWN
    value, low, high = (fixed(100 * part) for part in (found.value, found.low, found.high))
    return f"{value} % ({low} to {high} %)"


def _missed(found: Consequences) -> str:
    if found.miss_rate.value is None:
        return UNKNOWN
    share = fixed(100 * found.miss_rate.value)
    return f"{found.defects_accepted} of {found.defects_known} ({share} % of all)"


MEASURES = (
    _Measure(
        "reviews",
        "Reviews",
        "what the recipe routes to people, and the audits",
        lambda c: c.reviews,
        lambda c: fixed(c.reviews),
        ("more", "fewer"),
    ),
    _Measure(
        "accepted",
        "Accepted by the model alone",
        "parts that nobody sees, but for audits",
        lambda c: c.accepted,
        lambda c: fixed(c.accepted),
        ("more", "fewer"),
        rise="",
    ),
    _Measure(
        "false_calls",
        "False calls",
        "good parts that it rejects",
        lambda c: c.false_calls,
        lambda c: _plain(c.false_calls),
        ("more", "fewer"),
    ),
    _Measure(
        "false_call_rate",
        "False-call rate",
        "of what it rejects and a person saw",
        lambda c: c.false_call_rate.value,
        lambda c: _rate(c.false_call_rate),
        ("higher", "lower"),
        points=True,
    ),
    _Measure(
        "escapes",
        "Expected escapes",
        "bad parts that it accepts",
        lambda c: c.escapes.value,
        lambda c: _counted(c.escapes),
        ("more", "fewer"),
    ),
    _Measure(
        "escape_rate",
        "Escape rate",
        "of what it accepts, each look weighed by its chance",
        lambda c: c.escape_rate.value,
        lambda c: _rate(c.escape_rate),
        ("higher", "lower"),
        points=True,
    ),
    _Measure(
        "defects_accepted",
        "Known defects it would accept",
        "of those that people found; weighed, the share of all",
        lambda c: float(c.defects_accepted),
        _missed,
        ("more", "fewer"),
        digits=0,
    ),
    _Measure(
        "cost",
        "Cost",
        "reviews, false calls and escapes as the recipe prices them",
        lambda c: c.cost.value,
        lambda c: _counted(c.cost),
        ("dearer", "cheaper"),
    ),
)


def lines(present: Consequences, chosen: Consequences) -> list[Line]:
    return [_line(measure, present, chosen) for measure in MEASURES]


def _line(measure: _Measure, present: Consequences, chosen: Consequences) -> Line:
    change, direction = _change(measure, measure.value(present), measure.value(chosen))
    return Line(
        measure.key,
        measure.label,
        measure.note,
        measure.text(present),
        measure.text(chosen),
        change,
        direction,
    )


def _change(measure: _Measure, before: float | None, after: float | None) -> tuple[str, str]:
    """With sign and word, so that no colour is needed to read it."""
    if before is None or after is None:
        return "–", ""
    difference = (after - before) * (100 if measure.points else 1)
    text = fixed(abs(difference), measure.digits)
    unit = " points" if measure.points else ""
    if text == fixed(0, measure.digits):
        return "no change", "same"
    rises = difference > 0
    sign, word = ("+", measure.words[0]) if rises else ("−", measure.words[1])
    other = {"worse": "better", "": ""}[measure.rise]
    return f"{sign}{text}{unit} {word}", measure.rise if rises else other


def doubt(chosen: Consequences) -> str:
    """What is not known yet and how many audits would tell it; empty where enough is known."""
    missing = audits_missing(chosen)
    if not missing:
        return ""
    seen = chosen.escape_rate.n
    told = f"{fixed(100 * TOLD, 0)} %"
    if seen:
        begin = (
            f"Too little is known of escapes: {seen} parts below the accept threshold were seen by "
            f"people and count like {fixed(int(chosen.like), 0)} drawn evenly."
        )
    else:
        begin = "Nothing is known of escapes: nobody has seen a part below the accept threshold."
    return f"{begin} To tell a rate of {told} from none, {missing} more audits are needed{_when(missing, chosen)}."


def _when(missing: int, chosen: Consequences) -> str:
    if not chosen.audits:
        return "; the recipe audits nothing at present"
    return f": at the recipe's share that takes {fixed(missing / chosen.audits)} shifts"
