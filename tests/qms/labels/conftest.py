"""A Label Studio in memory behind the house's only door to it, and people before it."""

from collections.abc import Callable

import pytest
from django.test import Client

from qms.inspections.models import Inspection
from qms.labels.models import LabelTask, StudioProject
from tests import factories
from tests.fakes import FakeStudio
from tests.studioline import behind

Sent = Callable[..., LabelTask]


@pytest.fixture
def studio(settings) -> FakeStudio:
    """It answers to the token of the settings."""
    there = FakeStudio()
    settings.STUDIO_CLIENT = "tests.studioline.client"
    settings.STUDIO_URL, settings.STUDIO_TOKEN = there.url, there.token
    settings.PUBLIC_URL = "http://localhost:8000"
    with behind(there):
        yield there


@pytest.fixture
def judged(db, deliver_all) -> Callable[..., Inspection]:
    """A picture that a model has judged, and all that follows from it."""

    def made(brightness: int = factories.UNCLEAR, **words) -> Inspection:
        inspection = factories.submission(brightness=brightness, **words)
        deliver_all()
        return Inspection.objects.get(pk=inspection.pk)

    return made


@pytest.fixture
def sent(studio, judged) -> Sent:
    """An uncertain picture that lies before the annotators."""

    def made(**words) -> LabelTask:
        task = LabelTask.objects.get(inspection=judged(**words))
        assert task.status == "OPEN", task.error
        return task

    return made


@pytest.fixture
def ring(studio, deliver_all) -> Callable[[], list[int]]:
    """Post what Label Studio has to tell, and let the house act on it. Returns the answers."""

    def made() -> list[int]:
        rung, studio.there.rung[:] = list(studio.there.rung), []
        answers = [
            Client().post(one.url, one.body, "application/json", headers=one.headers).status_code
            for one in rung
        ]
        deliver_all()
        return answers

    return made


def project() -> StudioProject:
    return StudioProject.objects.get(gone_at=None)
