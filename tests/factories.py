"""Reach each state by the real actions, so that no test stands on a state that cannot be."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from inference import artefact as artefacts
from qms.accounts import keys
from qms.accounts.actions import give_roles
from qms.accounts.models import User
from qms.inspections import actions as inspections
from qms.inspections import enrolling
from qms.inspections.enrolments import EnrolmentPicture
from qms.inspections.models import Inspection, Source
from qms.plant import actions as plant
from qms.plant.models import Product
from qms.registry import actions as registry
from qms.registry.models import ModelVersion
from tests.pictures import DEFECT, NORMAL, SHARED, UNCLEAR, decoded, picture

__all__ = ["DEFECT", "NORMAL", "SHARED", "UNCLEAR", "decoded", "picture"]


def person(name: str = "ines", *roles: str, password: str = "a long password") -> User:
    """A person with these roles; an inspector if none is named."""
    found = User.objects.filter(username=name).first()
    user = found or User.objects.create_user(name, password=password)
    give_roles(user, *(roles or ("inspector",)))
    return User.objects.get(pk=user.pk)


def administrator(name: str = "ada") -> User:
    return User.objects.create_superuser(name, password="a long password")


def key(*scopes: str) -> str:
    """The text of a new API key."""
    by = User.objects.filter(is_superuser=True).first() or administrator("keeper")
    return keys.issue(name="line 1", scopes=list(scopes), by=by, now=timezone.now())[1]


def product(code: str = "tile", *defect_types: str) -> Product:
    """A product whose accepted parts are never drawn for an audit: a draw is luck."""
    types = list(defect_types) or ["scratch", "dent"]
    return plant.ensure_product(
        code, defect_types=types, now=timezone.now(), audit_share=0, repeat_share=0
    )


def model(of: Product | None = None, *, folder: str = "stub", active: bool = True) -> ModelVersion:
    """The stub detector, enrolled for a product and promoted."""
    about = registry.Artefact(
        folder=folder,
        sha256=artefacts.sha256(settings.ARTEFACTS / folder),
        detector="stub",
        backbone="",
        promise="",
        scorecard={},
    )
    version = registry.enrol(of or product(), about, by=None, now=timezone.now())
    if active:
        registry.promote(version, by=None, now=timezone.now())
    return version


STUB = enrolling.Plan(detector="stub", size=128, defect_types=["scratch", "deep_dent"])


def normal(
    of: Product, by: User, data: bytes, name: str = "a.png"
) -> tuple[EnrolmentPicture, bool]:
    """A picture of a good part, dropped to enrol its product."""
    return enrolling.add_picture(of, data, name=name, by=by, now=timezone.now())


def submission(of: Product | None = None, brightness: int = NORMAL, **words: Any) -> Inspection:
    """A submitted inspection of a product that has a model."""
    tile = of or product()
    if not tile.models.filter(status="ACTIVE").exists():
        model(tile)
    data = words.pop("data", None) or picture(brightness, seed=words.pop("seed", 0))
    now: datetime = words.pop("now", None) or timezone.now()
    words.setdefault("source", Source.API)
    given = inspections.Submission(product=tile, picture=data, **words)
    return inspections.submit(given, now=now, actor="line 1")[0]


def behind_the_triggers(sql: str, *values: Any) -> None:
    """Change what the database refuses to change, as an intruder with its rights would."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("SET LOCAL session_replication_role = origin")
