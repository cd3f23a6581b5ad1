"""What people did in the house whose pages are shown: all by the real actions."""

import time
from datetime import timedelta

from django.utils import timezone

from qms.inspections.models import Inspection
from qms.plant.models import DefectType
from qms.review import actions as reviews
from qms.review.models import Review
from qms.review.opening import queue_of
from tests import factories


def lived() -> dict[str, str]:
    """Fill the house, and name its pages."""
    _wait_until_judged()
    ines = factories.person("ines", "inspector", "lead", "manager", "admin", "ml", "mrb")
    otto = factories.person("otto", "inspector")
    _decide(otto, 12)
    _decide(ines, 6)
    in_hand = reviews.take_next(by=ines, now=timezone.now() + timedelta(days=1))  # no claim expires
    assert in_hand is not None
    decided = Review.objects.filter(decision="NOT_OK", rules=True).first()
    assert decided is not None
    return {
        "start": "/",
        "inspections": "/inspections/",
        "inspection": f"/inspections/{decided.inspection_id}/",
        "review-queue": "/review/",
        "review": f"/review/{in_hand.pk}/",
        "review-wall": f"/review/{in_hand.pk}/",
        "review-decided": f"/review/{decided.pk}/",
        "review-history": "/review/history/",
        "review-keys": "/review/keys/",
        "thresholds": "/thresholds/",
        "agreement": "/agreement/?looks=all",
        "keys": "/keys/",
        "dead-letters": "/dead-letters/",
        "line": "/line/",
        "line-wall": "/line/?wall=1",
    }


def _wait_until_judged() -> None:
    while Inspection.objects.filter(status__in=("SUBMITTED", "JUDGED")).exists():
        time.sleep(0.5)


def _decide(person, number: int) -> None:
    """As the demo's parts are: what the model says is mostly right."""
    for review in list(queue_of(person)[:number]):
        now = timezone.now()
        reviews.claim(review, by=person, now=now)
        flagged = review.verdict.evaluation == "NOT_OK"
        kind = DefectType.objects.filter(product=review.product_id).first() if flagged else None
        reviews.decide(
            review,
            decision="NOT_OK" if flagged else "OK",
            defect_type=kind,
            by=person,
            now=now + timedelta(seconds=4 + review.pk % 5),
        )
