"""Parts that a person has judged, and people of the roles that act on them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from qms.accounts import signatures
from qms.accounts.models import Meaning, User
from qms.accounts.roles import Role
from qms.inspections import trail as inspections_trail
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.quality import actions, opening, remedies, trail
from qms.quality.models import Disposition, Nonconformance
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

TODAY = timezone.localdate()
Judge = Callable[..., Review]


@pytest.fixture
def line(db) -> None:
    """A dent raises a nonconformance after two in a shift; a crack is critical; a scratch never."""
    factories.product("tile", "scratch", "dent", "crack")
    DefectType.objects.filter(code="dent").update(raises_after=2)
    DefectType.objects.filter(code="crack").update(severity="CRITICAL")


@pytest.fixture
def bad(line, deliver_all) -> Judge:
    """A part that was looked at and rejected for this defect; all that follows has happened."""

    def made(code: str = "dent", *, now: datetime | None = None, **words) -> Review:
        words.setdefault("station", plant.ensure_station("S1"))
        inspection = factories.submission(
            factories.product("tile"), factories.DEFECT, now=now, **words
        )
        deliver_all()
        return reject(Review.objects.get(inspection=inspection), code, deliver_all)

    return made


def reject(review: Review, code: str, deliver_all) -> Review:
    ines, now = factories.person("ines"), timezone.now()
    if review.status != "CLAIMED":
        reviews.claim(review, by=ines, now=now)
    kind = DefectType.objects.get(code=code)
    reviews.decide(review, decision="NOT_OK", defect_type=kind, by=ines, now=now)
    deliver_all()
    return review


@pytest.fixture
def good(line, deliver_all) -> Callable[..., Inspection]:
    def made(**words) -> Inspection:
        words.setdefault("station", plant.ensure_station("S1"))
        inspection = factories.submission(factories.product("tile"), **words)
        deliver_all()
        return inspection

    return made


@pytest.fixture
def raised(bad) -> Callable[..., Nonconformance]:
    """A nonconformance of one rejected part, raised by a person."""

    def made(review: Review | None = None, **words) -> Nonconformance:
        part = (review or bad("scratch")).inspection
        found = {"scope": "PART", "title": "Scratched", "product": part.product}
        found |= {"inspection": part, "lot": part.lot, "station": part.station, **words}
        return opening.raise_nonconformance(
            opening.Found(**found), by=factories.person("ines"), now=timezone.now()
        )

    return made


def proof(by: User, reason: str = "as agreed") -> signatures.Proof:
    return signatures.prove(
        by,
        "a long password",
        meaning=Meaning.APPROVAL,
        reason=reason,
        address="here",
        now=timezone.now(),
    )


def contain(case, text="behind the red tape") -> int:
    return actions.contain(case, text=text, by=factories.person("lea", "lead"), now=timezone.now())


def dispose(case, kind="SCRAP", *, by=None, **words) -> Disposition:
    by = by or factories.person("lea", "lead")
    return actions.dispose(case, kind, proof=proof(by), now=timezone.now(), **words)


def agree(case, kind="CORRECTIVE", **words):
    lea = factories.person("lea", "lead")
    given = {
        "owner": lea,
        "text": "new tool",
        "due": TODAY,
        "check_due": TODAY + timedelta(days=14),
        **words,
    }
    return remedies.agree(case, kind=kind, by=lea, now=timezone.now(), **given)


def faults() -> list:
    return [*trail.faults(), *inspections_trail.faults()]


@pytest.fixture
def roles_again(transactional_db) -> None:
    """The groups that a migration made; a flush after another test may have taken them."""
    for role in Role:
        Group.objects.get_or_create(name=role)
