"""A line that ran for a while, reached by the real actions: parts of all kinds, and their looks."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from qms.accounts.models import User
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.plant.models import Product
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

Deliver = Callable[[], int]


def run(deliver_all: Deliver, parts: int = 60, *, seed: int = 7, **rules: Any) -> list[Inspection]:
    """Judge so many parts: good ones are dark, bad ones mostly bright, some hardly."""
    tile, chance, now = factories.product(), random.Random(seed), timezone.now()
    if not tile.models.filter(status="ACTIVE").exists():
        factories.model(tile)
    given = {"audit_share": 0.3, **rules}
    plant.publish_recipe(tile, by=None, now=now, reason="as the test says", **given)
    made = [_part(tile, chance, n, now - timedelta(seconds=parts - n)) for n in range(parts)]
    deliver_all()
    return made


def _part(tile: Product, chance: random.Random, n: int, now: datetime) -> Inspection:
    bad = chance.random() < 0.25
    level = round(chance.gauss(34, 6)) if bad else round(chance.gauss(21.5, 2))
    serial = f"{'B' if bad else 'G'}{n:03}"
    return factories.submission(tile, max(15, level), seed=n, serial=serial, now=now)


def is_bad(review: Review) -> bool:
    return review.inspection.serial.startswith("B")


def decide_all(person: User, *, errs: float = 0.0, seed: int = 3, most: int = 10_000) -> int:
    """This person takes all that is open to them, and is right but for some errors."""
    chance, decided = random.Random(seed), 0
    while decided < most:
        review = reviews.take_next(by=person, now=timezone.now())
        if review is None:
            break
        wrong = chance.random() < errs
        said = "NOT_OK" if is_bad(review) != wrong else "OK"
        reviews.decide(review, decision=said, by=person, now=timezone.now())
        decided += 1
    return decided
