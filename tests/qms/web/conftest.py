"""People who sign in, and parts in the states that pages show."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from qms.events.models import Delivery
from qms.inspections import actions as inspections
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.review.models import Review
from tests import factories

SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A browser in which a person with these roles is signed in."""

    def signed_in(*roles: str, name: str = "") -> Client:
        client = Client()
        client.force_login(factories.person(name or "-".join(roles) or "ines", *roles))
        return client

    return signed_in


@pytest.fixture
def judged(deliver_all: Callable[[], int]) -> Callable[..., Inspection]:
    """An inspection that went all the way through the flow."""

    def make(brightness: int = factories.NORMAL, **words: object) -> Inspection:
        inspection = factories.submission(brightness=brightness, **words)
        deliver_all()
        inspection.refresh_from_db()
        return inspection

    return make


@pytest.fixture
def flagged(judged: Callable[..., Inspection]) -> Callable[..., Review]:
    """The open review of a part with a defect."""

    def make(**words: object) -> Review:
        return Review.objects.get(inspection=judged(factories.DEFECT, **words))

    return make


@pytest.fixture
def audited(judged: Callable[..., Inspection]) -> Callable[..., Review]:
    """The open blind review of a part that the model accepted."""

    def make(**words: object) -> Review:
        now = timezone.now()
        plant.publish_recipe(
            factories.product(), by=None, now=now, reason="audit all", audit_share=1.0
        )
        return Review.objects.get(inspection=judged(factories.NORMAL, **words))

    return make


@pytest.fixture
def dead_letter(db: None) -> Delivery:
    """A delivery that was given up, and the inspection that says so."""
    inspection = factories.submission(serial="SN-DEAD")
    letter = Delivery.objects.get(event__subject=inspection.pk)
    now = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(pk=letter.pk).update(dead_at=now, attempts=8, error="OSError: gone")
    inspections.fail(inspection, error="OSError: gone", now=now)
    return Delivery.objects.get(pk=letter.pk)
