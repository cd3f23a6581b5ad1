"""Whose answer holds: board before second opinion before first look before the model."""

from datetime import datetime
from uuid import UUID

from qms.inspections.actions import hold_for_review
from qms.inspections.actions import settle as settle_inspection
from qms.inspections.models import Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.review.models import BINDING, RANK, Review, Status


def settle(review: Review, *, now: datetime, actor: str) -> None:
    """After a decision: mark the answer that holds, and settle the inspection by it."""
    if review.kind not in BINDING:
        return
    holder = mark(review.inspection_id)
    inspection = locked(review)
    if holder and inspection.status == InspectionStatus.IN_REVIEW:
        settle_inspection(inspection, evaluation=holder.decision, now=now, actor=actor)


def reopen(review: Review) -> str:
    """After an undo: what holds meanwhile. Empty where the look settled nothing."""
    if review.kind not in BINDING:
        return ""
    holder = mark(review.inspection_id)
    evaluation = holder.decision if holder else review.verdict.evaluation
    hold_for_review(locked(review), evaluation=evaluation)
    return evaluation


def mark(inspection_id: UUID) -> Review | None:
    """Put the mark on the one answer that holds, if any does."""
    looks = Review.objects.filter(inspection_id=inspection_id, kind__in=BINDING)
    decided = list(looks.filter(status=Status.DECIDED))
    if not decided:
        return None
    holder = max(decided, key=lambda look: (RANK[look.kind], look.decided_at, look.pk))
    if not holder.rules:
        looks.filter(rules=True).update(rules=False)
        looks.filter(pk=holder.pk).update(rules=True)
    return holder


def locked(review: Review) -> Inspection:
    return Inspection.objects.select_for_update().get(pk=review.inspection_id)
