"""A line that ran for a while: parts of all brightnesses, judged, audited and decided."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from qms.accounts.models import User
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.review import actions as reviews
from qms.review.models import Review, Status
from tests import factories

Run = Callable[..., list[Inspection]]


@pytest.fixture
def run(deliver_all: Callable[[], int]) -> Run:
    """Judge so many parts; good ones are dark, bad ones mostly bright, some hardly."""

    def ran(parts: int = 60, *, audit_share: float = 0.3, seed: int = 7) -> list[Inspection]:
        tile, chance, now = factories.product(), random.Random(seed), timezone.now()
        factories.model(tile)
        plant.publish_recipe(
            tile, by=None, now=now, reason="audit", audit_share=audit_share, repeat_share=0.0
        )
        made = []
        for n in range(parts):
            bad = chance.random() < 0.25
            level = round(chance.gauss(34, 6)) if bad else round(chance.gauss(21.5, 2))
            word = "B" if bad else "G"
            made.append(
                factories.submission(
                    tile,
                    max(15, level),
                    seed=n,
                    serial=f"{word}{n:03}",
                    now=now - timedelta(seconds=parts - n),
                )
            )
        deliver_all()
        return made

    return ran


def is_bad(review: Review) -> bool:
    return review.inspection.serial.startswith("B")


def decide_all(person: User, *, errs: float = 0.0, seed: int = 3) -> int:
    """This person takes all that is open to them, and is right but for some errors."""
    chance, decided = random.Random(seed), 0
    while (review := reviews.take_next(by=person, now=timezone.now())) is not None:
        wrong = chance.random() < errs
        said = "NOT_OK" if is_bad(review) != wrong else "OK"
        reviews.decide(review, decision=said, by=person, now=timezone.now())
        decided += 1
    return decided


def waiting() -> int:
    return Review.objects.filter(status__in=(Status.OPEN, Status.CLAIMED)).count()
