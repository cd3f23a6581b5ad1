"""The relay's duties: one that fails stops no other."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from qms import partitions
from qms.events import clock, outbox, relay
from qms.events.models import Event
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories


def broken(*, now: datetime) -> None:
    raise ValueError("this duty always fails")


@pytest.fixture
def first_duty_fails(settings):
    settings.EVENT_SWEEP = "tests.qms.events.test_relay.SWEEP"


SWEEP = [broken, reviews.release_forgotten]


def forgotten_claim(deliver_all) -> Review:
    factories.submission(brightness=factories.DEFECT)
    deliver_all()
    review = Review.objects.get()
    before = timezone.now() - reviews.CLAIM_LASTS - timedelta(seconds=1)
    reviews.claim(review, by=factories.person(), now=before)
    return review


def test_a_forgotten_claim_goes_back_at_the_next_look(db, deliver_all):
    forgotten_claim(deliver_all)
    relay.look_round()
    assert Review.objects.get().status == "OPEN"


def test_a_duty_that_fails_stops_no_other(db, deliver_all, first_duty_fails):
    forgotten_claim(deliver_all)
    relay.look_round()
    assert Review.objects.get().status == "OPEN"
    assert not Event.objects.filter(number=None).exists()


def test_slices_are_made_before_the_hour_strikes(db):
    """A house that was off for years writes its first event into a slice of its own."""
    later = datetime(2071, 3, 5, 8, 30, tzinfo=UTC)
    assert clock.strike(now=later)
    assert partitions.strays("events_event") == 0
    assert partitions.ensure_all(now=later) == []


def test_each_duty_of_the_hour_is_a_delivery_of_its_own():
    names = [step.name for event, steps in outbox.flow().items() for step in steps]
    for duty in ("leave_witness", "keep_house", "forget_deliveries"):
        assert f"events.{duty}" in names
