"""InspectionJudged -> does a person need to look?"""

from django.utils import timezone

from qms.events import catalogue
from qms.inspections.models import Verdict
from qms.review import actions, opening


def triage_verdict(event: catalogue.InspectionJudged) -> None:
    verdict = Verdict.objects.select_related("inspection", "recipe").get(pk=event.verdict_id)
    opening.triage(verdict, now=timezone.now())


def release_forgotten(event: catalogue.HourStruck) -> None:
    actions.release_forgotten(now=timezone.now())
