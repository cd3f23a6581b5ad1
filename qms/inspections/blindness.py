"""Whom the model's word is kept from: people who may yet decide a blind review of the part.

The review is a row of the room above; what it says of itself reaches us through the inspection.
"""

from typing import Any

from django.db.models import Q, QuerySet

from qms.accounts.roles import REVIEWERS, has_role
from qms.inspections.models import Inspection

_OPEN = Q(review__blind=True, review__decision="")


def is_hidden(inspection: Inspection, person: Any) -> bool:
    if not has_role(person, *REVIEWERS):
        return False
    review = getattr(inspection, "review", None)
    return review is not None and review.blind and not review.decision


def told_apart(rows: QuerySet[Inspection], person: Any) -> QuerySet[Inspection]:
    """Rows that may be chosen by what the model said, for this person."""
    return rows.exclude(_OPEN) if has_role(person, *REVIEWERS) else rows
