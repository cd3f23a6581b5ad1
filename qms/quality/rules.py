"""Who may do what, when a nonconformance opens by itself, what stands against closing it. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from qms.accounts.roles import Role
from qms.plant.models import Severity
from qms.quality.models import ActionStatus, Kind

T = TypeVar("T")

SHIFT = timedelta(hours=8)

RAISERS = (Role.INSPECTOR, Role.LEAD, Role.MANAGER, Role.MRB)
KEEPERS = (Role.LEAD, Role.MANAGER, Role.MRB)
DECIDERS = (Role.LEAD, Role.MRB)

# Concessions: the part stays as it is, or becomes something else than was drawn.
NEEDS_BOARD = frozenset({Kind.USE_AS_IS, Kind.REPAIR, Kind.REGRADE})


def raised_after(number: int | None, severity: str) -> int | None:
    """How many confirmed ones open a nonconformance. None: they never do by themselves."""
    if number is None and severity == Severity.CRITICAL:
        return 1
    return number


def in_one_shift(found: Sequence[tuple[datetime, T]], around: datetime) -> list[T]:
    """The most of what was found at these moments in one shift together with ``around``, in order.

    Of several shifts with equally many, the earliest.
    """
    ordered = sorted(found, key=lambda one: one[0])
    moments = [moment for moment, _ in ordered]
    best: list[tuple[datetime, T]] = []
    for start in (moment for moment in moments if around - SHIFT < moment <= around):
        within = slice(bisect_left(moments, start), bisect_left(moments, start + SHIFT))
        best = max(best, ordered[within], key=len)
    return [thing for _, thing in best]


def is_overdue(status: str, *, due: date, check_due: date | None, today: date) -> bool:
    """Not done by its day, or not checked by the day of its check."""
    if status == ActionStatus.AGREED:
        return due < today
    return status == ActionStatus.DONE and check_due is not None and check_due < today


def unfinished(status: str, check_due: date | None) -> bool:
    """Does somebody still have to act, or to say whether it helped?"""
    return status == ActionStatus.AGREED or (status == ActionStatus.DONE and check_due is not None)


def against_closing(
    *,
    severity: str,
    undecided: int,
    root_cause: str,
    actions: Sequence[tuple[str, date | None]],
) -> list[str]:
    """Sentences that say what is missing; none: it may be closed.

    ``undecided`` counts parts without a final disposition; ``actions`` are status and day of check,
    oldest first.
    """
    said = []
    if undecided:
        said.append(f"{_parts(undecided)} no final disposition yet: decide what is done with them.")
    if severity != Severity.MINOR and not root_cause.strip():
        said.append("The root cause is not written down: say why it happened.")
    meant = [one for one in actions if one[0] != ActionStatus.CANCELLED]
    if severity != Severity.MINOR and not meant:
        said.append("There is no corrective action: agree on one, or on a correction.")
    if waiting := sum(unfinished(*one) for one in meant):
        said.append(f"{waiting} of the corrective actions {_is(waiting)} not finished and checked.")
    if meant and meant[-1][0] == ActionStatus.NOT_EFFECTIVE:
        said.append("The latest corrective action did not help: agree on another one.")
    return said


def _parts(count: int) -> str:
    return f"{count} part{'' if count == 1 else 's'} {'has' if count == 1 else 'have'}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
