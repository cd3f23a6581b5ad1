"""What is done so that it does not happen again, and whether it helped."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from qms.accounts.models import User
from qms.accounts.roles import has_role
from qms.events import catalogue, outbox
from qms.lifecycle import Refused
from qms.quality.actions import check_live, hold
from qms.quality.models import ActionKind, ActionStatus, CorrectiveAction, Nonconformance
from qms.quality.rules import KEEPERS


@transaction.atomic
def agree(
    case: Nonconformance,
    *,
    kind: str,
    text: str,
    owner: User,
    due: date,
    check_due: date | None,
    by: User,
    now: datetime,
) -> CorrectiveAction:
    """Somebody is to do something by a day; on a later day somebody looks whether it helped."""
    hold(case)
    check_live(case)
    _check_agreement(kind, text, due, check_due)
    action = CorrectiveAction.objects.create(
        nonconformance=case,
        kind=kind,
        text=text.strip(),
        owner=owner,
        due=due,
        check_due=check_due,
        agreed_at=now,
        agreed_by=by,
    )
    event = catalogue.CorrectiveActionAgreed(
        nonconformance=case.number,
        action_id=action.pk,
        kind=kind,
        text=action.text,
        owner=str(owner),
        due=due.isoformat(),
        check_due=check_due.isoformat() if check_due else None,
    )
    outbox.publish(event, now=now, actor=str(by))
    return action


@transaction.atomic
def finish(action: CorrectiveAction, *, note: str, by: User, now: datetime) -> None:
    """It is done; with a word on what was done. Its owner may say so, whatever their role."""
    _begin(action)
    if by.pk != action.owner_id and not has_role(by, *KEEPERS):
        raise Refused(f"{action.owner} says when this is done, or a lead, a manager or the board.")
    action.move(ActionStatus.DONE, note=note.strip(), done_at=now, done_by=by)
    _announce(action, by=by, now=now)


@transaction.atomic
def check(action: CorrectiveAction, *, effective: bool, note: str, by: User, now: datetime) -> None:
    """Somebody looked whether it helped, and says by what that shows."""
    _begin(action)
    if not note.strip():
        raise Refused("Say by what it shows: how many parts were looked at, since when.")
    to = ActionStatus.EFFECTIVE if effective else ActionStatus.NOT_EFFECTIVE
    action.move(to, note=note.strip(), checked_at=now, checked_by=by)
    _announce(action, by=by, now=now)


@transaction.atomic
def cancel(action: CorrectiveAction, *, note: str, by: User, now: datetime) -> None:
    _begin(action)
    if not note.strip():
        raise Refused("Say why it is not done after all.")
    action.move(ActionStatus.CANCELLED, note=note.strip())
    _announce(action, by=by, now=now)


def overdue(today: date) -> Q:
    """Actions not done by their day, or not checked by the day of their check."""
    late = Q(status=ActionStatus.AGREED, due__lt=today)
    return late | Q(status=ActionStatus.DONE, check_due__lt=today)


def _check_agreement(kind: str, text: str, due: date, check_due: date | None) -> None:
    if not text.strip():
        raise Refused("Say what is to be done.")
    if kind != ActionKind.CORRECTION and check_due is None:
        raise Refused("Say by when somebody checks whether it helped.")
    if check_due and check_due < due:
        raise Refused("Whether it helped is checked after it is done: choose a later day.")


def _begin(action: CorrectiveAction) -> None:
    hold(action.nonconformance)
    check_live(action.nonconformance)


def _announce(action: CorrectiveAction, *, by: User, now: datetime) -> None:
    event = catalogue.CorrectiveActionMoved(
        nonconformance=action.nonconformance.number,
        action_id=action.pk,
        status=action.status,
        note=action.note,
    )
    outbox.publish(event, now=now, actor=str(by))
