"""What is uncertain, disputed or asked for goes to Label Studio; what people say there comes back.

The slow steps answer with what they heard of the line. They never fail for it: the rows are the
truth, and the round sends and reads what waits.
"""

from collections.abc import Sequence

from django.utils import timezone

from qms.events import catalogue
from qms.inspections.models import Evaluation, Inspection, Verdict
from qms.labels import actions, desk, disputes, doubts, push, rounds
from qms.labels.models import Annotation, Reason, Ring
from qms.review.models import BINDING, Review, Status

# --- who goes there ---


def is_uncertain(event: catalogue.InspectionJudged) -> bool:
    return event.evaluation == Evaluation.NOT_DECIDABLE


def is_binding(event: catalogue.ReviewDecided) -> bool:
    """A look that only measures people says nothing new of the part."""
    return event.kind in BINDING


def want_uncertain(event: catalogue.InspectionJudged) -> None:
    verdict = Verdict.objects.select_related("inspection", "recipe").get(pk=event.verdict_id)
    if actions.rules_of(verdict).label_uncertain:
        why = "The model could not decide."
        now = timezone.now()
        actions.want(verdict.inspection, reason=Reason.UNCERTAIN, why=why, now=now)


def want_disputed(event: catalogue.ReviewDecided) -> None:
    review = _review(event.review_id)
    if review.status != Status.DECIDED or not actions.rules_of(review.verdict).label_disputed:
        return  # taken back meanwhile, or not for annotators
    if sentences := disputes.with_the_model(review):
        actions.want(
            review.inspection,
            reason=Reason.DISPUTED,
            why=" ".join(sentences),
            now=timezone.now(),
            actor=str(review.reviewer),
            review=review,
        )


def want_asked(event: catalogue.CorrectionWanted) -> None:
    review = _review(event.review_id)
    who = str(review.reviewer or "An inspector")
    actions.want(
        review.inspection,
        reason=Reason.ASKED,
        why=f"{who} asks for a correction.",
        now=timezone.now(),
        actor=who,
        review=review,
    )


def _review(pk: int) -> Review:
    return Review.objects.select_related(
        "inspection", "verdict__recipe", "verdict__inspection", "defect_type", "reviewer"
    ).get(pk=pk)


# --- there ---


def has_desk(event: catalogue.Event) -> bool:
    """Without one there is nobody to tell; a later one is told of all by its first round."""
    return desk.is_there()


def send_pictures(facts: Sequence[catalogue.LabelTaskWanted]) -> list[desk.Heard]:
    """All that waits, whichever of them this was about."""
    return [push.send_waiting()] * len(facts)


def send_wanted(event: catalogue.LabelTaskWanted, heard: desk.Heard) -> None:
    desk.note(heard, now=timezone.now())


def tell_promotions(facts: Sequence[catalogue.ModelPromoted]) -> list[desk.Heard]:
    return [rounds.tell_promotion(fact.product) for fact in facts]


def follow_promotion(event: catalogue.ModelPromoted, heard: desk.Heard) -> None:
    if heard:
        desk.note(heard, now=timezone.now())


# --- and back ---


def read_tasks(facts: Sequence[catalogue.StudioRang]) -> list[desk.Heard]:
    """The bell only says where to look: the task that it named, or all that changed there."""
    if not desk.is_there():
        return [None] * len(facts)
    rings = Ring.objects.filter(pk__in=[fact.ring_id for fact in facts])
    places = [(ring.studio_project, ring.studio_task) for ring in rings]
    return [rounds.answer(places)] * len(facts)


def read_rung(event: catalogue.StudioRang, heard: desk.Heard) -> None:
    desk.note(heard, now=timezone.now())


def go_rounds(facts: Sequence[catalogue.StudioRoundDue]) -> list[desk.Heard]:
    return [rounds.go()] * len(facts)


def go_round(event: catalogue.StudioRoundDue, heard: desk.Heard) -> None:
    desk.note(heard, now=timezone.now())


# --- what it means for the part ---


def doubt_corrected(event: catalogue.AnnotationReceived) -> None:
    annotation = Annotation.objects.select_related("inspection").get(pk=event.annotation_id)
    doubts.follow(annotation.inspection, now=timezone.now())


def doubt_decided(event: catalogue.ReviewDecided) -> None:
    """The part was still being decided when the correction came."""
    doubts.follow(Inspection.objects.get(pk=event.inspection_id), now=timezone.now())
