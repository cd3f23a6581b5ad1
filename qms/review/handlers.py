"""InspectionJudged -> does a person need to look? ReviewDecided -> what of a study is next?"""

from django.utils import timezone

from qms.events import catalogue
from qms.inspections.models import Source, Verdict
from qms.review import actions, opening, study
from qms.review.models import Kind, Review


def triage_verdict(event: catalogue.InspectionJudged) -> None:
    verdict = Verdict.objects.select_related("inspection", "recipe").get(pk=event.verdict_id)
    if verdict.inspection.source == Source.IMPORT:
        return  # a person has looked already: what they said settles it (labels)
    opening.triage(verdict, now=timezone.now())


def go_on_with_study(event: catalogue.ReviewDecided) -> None:
    if event.kind == Kind.STUDY:
        study.go_on(Review.objects.get(pk=event.review_id), now=timezone.now())


def release_forgotten(event: catalogue.HourStruck) -> None:
    actions.release_forgotten(now=timezone.now())
