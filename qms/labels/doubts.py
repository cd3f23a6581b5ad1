"""A correction that contradicts the review asks for another look at the part."""

from datetime import datetime

from django.db import transaction

from qms.inspections.models import Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.labels import corrections, disputes
from qms.labels.models import Annotation, Doubt, Source
from qms.review import opening
from qms.review.models import Reason, Review, Status


@transaction.atomic
def follow(inspection: Inspection, *, now: datetime) -> Doubt | None:
    """Open a second opinion where one is due. None: none is, or the part is still being decided.

    It is asked again when the part is decided. The board's word stands above a correction's. What
    came from a file was said of the picture, not of this answer.
    """
    part = Inspection.objects.select_for_update().get(pk=inspection.pk)
    annotation = corrections.latest_of(part)
    if annotation is None or annotation.source != Source.STUDIO:
        return None
    holder = Review.objects.filter(inspection=part, rules=True, kind__in=opening.OPINIONS).first()
    if holder is None or part.status != InspectionStatus.SETTLED:
        return None
    why = disputes.with_the_review(annotation, holder)
    if not why or _was_doubted(annotation):
        return None
    look = opening.second_opinion(
        holder, Reason.CORRECTED, why, now=now, actor=annotation.person_name
    )
    return Doubt.objects.create(annotation=annotation, review=look, opened_at=now)


def _was_doubted(annotation: Annotation) -> bool:
    """A later version of an annotation that says the same asks nothing new."""
    before = Doubt.objects.filter(
        annotation__label_task=annotation.label_task_id,
        annotation__studio_id=annotation.studio_id,
        annotation__evaluation=annotation.evaluation,
    )
    return before.exclude(review__status=Status.WITHDRAWN).exists()
