"""Whom the model's word is kept from: people who may yet decide a blind review of the part.

The review is a row of the room above; what it says of itself reaches us through the inspection.
"""

from typing import Any

from django.db.models import Q, QuerySet

from qms.accounts.roles import REVIEWERS, has_role
from qms.inspections.models import Inspection, Status

_UNDECIDED = ("OPEN", "CLAIMED")


def is_hidden(inspection: Inspection, person: Any) -> bool:
    """Quick where the reviews were fetched with the inspection.

    Before it is routed nobody knows yet whether the look will be a blind one.
    """
    if not has_role(person, *REVIEWERS):
        return False
    return inspection.status == Status.JUDGED or any(
        keeps_from(look, person) for look in inspection.reviews.all()
    )


def keeps_from(look: Any, person: Any) -> bool:
    """May this person yet decide this look, and is it a blind one?"""
    undecided = look.blind and look.status in _UNDECIDED
    return bool(undecided and look.assigned_to_id in (None, person.pk))


def told_apart(rows: QuerySet[Inspection], person: Any) -> QuerySet[Inspection]:
    """Rows that may be chosen by what the model said, for this person."""
    if not has_role(person, *REVIEWERS):
        return rows
    before_them = Q(reviews__assigned_to=None) | Q(reviews__assigned_to=person)
    blind = Inspection.objects.filter(
        before_them, reviews__blind=True, reviews__status__in=_UNDECIDED
    )
    return rows.exclude(Q(status=Status.JUDGED) | Q(pk__in=blind.order_by().values("pk")))
