"""InspectionJudged -> what a person said in the file settles a picture that was imported."""

from django.utils import timezone

from qms.events import catalogue
from qms.labels import exchange_store


def settle_imported(event: catalogue.InspectionJudged) -> None:
    exchange_store.settle(event.inspection_id, now=timezone.now())
