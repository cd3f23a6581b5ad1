"""Which pictures may be sent to the annotators now.

Annotators may be reviewers as well, and Label Studio shows everybody everything. So a picture
stays here while anybody is still to judge it without knowing what the model said.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from qms.inspections.models import Status as InspectionStatus
from qms.labels.models import LabelTask, Status
from qms.plant.models import Product
from qms.review.models import Review
from qms.review.models import Status as ReviewStatus

UNDECIDED = (ReviewStatus.OPEN, ReviewStatus.CLAIMED)


def due(now: datetime) -> QuerySet[LabelTask]:
    """The most urgent first."""
    rows = LabelTask.objects.filter(status=Status.WANTED, next_try_at__lte=now)
    return (
        rows.exclude(inspection__status=InspectionStatus.JUDGED)  # it may yet be drawn for an audit
        .exclude(Exists(_blind_looks()))
        .order_by("over_cap", "-urgency", "pk")
    )


def products(now: datetime) -> list[Product]:
    """Those of which something is due."""
    rows = due(now).order_by().values("product").distinct()
    return list(Product.objects.filter(pk__in=rows).order_by("pk"))


def is_kept_back(task: LabelTask) -> bool:
    """Wanted, but somebody is still to judge it blind, or it is not settled who looks."""
    if task.status != Status.WANTED:
        return False
    unrouted = task.inspection.status == InspectionStatus.JUDGED
    blind = Review.objects.filter(inspection=task.inspection_id, blind=True, status__in=UNDECIDED)
    return unrouted or blind.exists()


def _blind_looks() -> QuerySet[Review]:
    return Review.objects.filter(
        inspection=OuterRef("inspection"), blind=True, status__in=UNDECIDED
    )
