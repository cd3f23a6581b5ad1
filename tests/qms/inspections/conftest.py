"""A lead who enrols a product: from dropped normals to a fitted candidate, by the real actions."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from qms.inspections import enrolling
from qms.inspections.enrolments import Enrolment
from tests import factories

Drop, Fit = Callable[..., Enrolment], Callable[..., Enrolment]


@pytest.fixture
def own_places(settings, tmp_path):
    """Artefacts and the folders of fits are of this test alone."""
    settings.ARTEFACTS, settings.VAR = tmp_path / "artefacts", tmp_path / "var"


@pytest.fixture
def lead(db):
    return factories.person("lea", "lead")


@pytest.fixture
def tile(db):
    return factories.product("tile", "scratch")


@pytest.fixture
def drop(tile, lead, own_places) -> Drop:
    """Drop so many different normals."""

    def drop(count: int, start: int = 0) -> Enrolment:
        for n in range(start, start + count):
            data = factories.picture(20 + n % 7, seed=n)
            factories.normal(tile, lead, data, name=f"normal {n}.png")
        return Enrolment.objects.get(product=tile)

    return drop


@pytest.fixture
def fit(drop, lead, deliver_all) -> Fit:
    """Drop normals, fit the stub on them, and play the worker."""

    def fit(count: int = 24, plan: enrolling.Plan = factories.STUB) -> Enrolment:
        enrolment = drop(count)
        enrolling.begin_fit(enrolment, plan, by=lead, now=timezone.now())
        deliver_all()
        enrolment.refresh_from_db()
        return enrolment

    return fit
