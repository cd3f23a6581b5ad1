"""How reference data changes: one row at a time, under its lock, by name and with an event.

Each change leaves a version (pghistory) and a fact (``PlantChanged``). Who edits says which values
were on the screen (``seen``), so that of two editors the later one is told, not the earlier one
overwritten.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import Any
from zoneinfo import available_timezones

import pghistory.models
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import OuterRef

from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.facts import changed_by
from qms.lifecycle import Refused
from qms.plant.models import DefectType, Line, Product, Site, Station
from qms.plant.recipes import QuestionSet, Recipe

Reference = Site | Line | Station | Product | DefectType
Who = User | AnonymousUser | None  # a person, a machine with a key, or the house itself
ADDED, CHANGED, UNCHANGED, REMOVED = "added", "changed", "unchanged", "removed"

KINDS: dict[str, type[Reference]] = {
    "site": Site,
    "line": Line,
    "station": Station,
    "product": Product,
    "defect type": DefectType,
}
FIELDS: dict[type[Reference], tuple[str, ...]] = {
    Site: ("code", "name", "time_zone"),
    Line: ("site", "code", "name"),
    Station: ("line", "code", "name", "takt_seconds"),
    Product: ("code", "name", "revision"),
    DefectType: (
        "product",
        "code",
        "name",
        "alias",
        "severity",
        "colour",
        "shape",
        "description",
        "raises_after",
        "active",
    ),
}
# What is a product's own says nothing of its use: it may still get another code.
_OWN: dict[type[Reference], tuple[type[models.Model], ...]] = {
    Product: (DefectType, Recipe, QuestionSet)
}
_INSTEAD: dict[type[Reference], str] = {
    Station: " Pause it instead.",
    DefectType: " Make it inactive instead.",
}


@dataclass(frozen=True)
class Change:
    """What became of a row; ``fields``: what each was before, and is."""

    what: str
    fields: dict[str, list[Any]]


class ChangedMeanwhile(Refused):
    """Someone else stored other values after this person had opened the form."""


@cache
def zones() -> frozenset[str]:
    """Every time zone that this machine knows; finding them reads hundreds of files."""
    return frozenset(available_timezones())


def name_of(by: Who) -> str:
    return str(by) if by is not None else outbox.SYSTEM


def person_of(by: Who) -> User | None:
    return by if isinstance(by, User) else None


def kind_of(row: Reference) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(row, model))


def path_of(row: Reference) -> str:
    """Its code, after that of what it is in: main/1, tile/scratch. Stations stand alone."""
    if isinstance(row, Line):
        return f"{row.site.code}/{row.code}"
    if isinstance(row, DefectType):
        return f"{row.product.code}/{row.code}"
    return row.code


def values(row: Reference) -> dict[str, Any]:
    """What people may change of it, as plain values."""
    found = {name: getattr(row, name) for name in FIELDS[type(row)]}
    return {n: str(v) if isinstance(v, models.Model) else v for n, v in found.items()}


def fingerprint(*rows: Reference) -> str:
    """Of the values on the screen; what it does not show, such as a station's state, is no part."""
    text = json.dumps([[row.pk, values(row)] for row in rows], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@transaction.atomic
def save(
    row: Reference, words: Mapping[str, Any], *, by: Who, now: datetime, seen: str | None = None
) -> Change:
    """Store these words in a new row, or in a present one under its lock."""
    row, before = _locked(row, seen), {}
    if row.pk:
        before = values(row)
        _keep_code(row, words)
    for name, value in words.items():
        setattr(row, name, value)
    fields = {n: [before.get(n), v] for n, v in values(row).items() if before.get(n, ...) != v}
    if not fields:
        return Change(UNCHANGED, fields)
    _check(row)
    _store(row, by)
    what = CHANGED if before else ADDED
    _tell(row, what, fields, by=by, now=now)
    return Change(what, fields)


@transaction.atomic
def remove(row: Reference, *, by: Who, now: datetime) -> None:
    """Take away what was never used. Refused for what something points at."""
    row = _locked(row, None)
    if users := users_of(row):
        raise Refused(
            f"The {kind_of(row)} {path_of(row)} stays: {users[0]} name it."
            + _INSTEAD.get(type(row), "")
        )
    fields = {name: [value, None] for name, value in values(row).items()}
    _tell(row, REMOVED, fields, by=by, now=now)
    with changed_by(name_of(by)):
        row.delete()


def users_of(row: Reference, *, besides: tuple[type[models.Model], ...] = ()) -> list[str]:
    """The kinds of rows that point at this one, in plain words; asked of the schema itself."""
    return [
        str(field.model._meta.verbose_name_plural)
        for field in _pointing_at(type(row), besides)
        if field.model._base_manager.filter(**{field.name: row}).exists()
    ]


def may_rename(row: Reference) -> bool:
    return not users_of(row, besides=_OWN.get(type(row), ()))


def used_among(rows: models.QuerySet[Any]) -> set[int]:
    """The keys of those that may not be renamed: one question for a whole table of them."""
    users = [
        models.Q(models.Exists(field.model._base_manager.filter(**{field.name: OuterRef("pk")})))
        for field in _pointing_at(rows.model, _OWN.get(rows.model, ()))
    ]
    return set(rows.filter(reduce(or_, users)).values_list("pk", flat=True))


def _pointing_at(
    of: type[Reference], besides: tuple[type[models.Model], ...]
) -> Iterator[models.ForeignObject[Any, Any]]:
    """The fields of other rows that name one of these; versions and ``besides`` apart."""
    for relation in of._meta.related_objects:
        model = relation.related_model
        if not isinstance(model, str) and not issubclass(model, (pghistory.models.Event, *besides)):
            yield relation.field


def _locked(row: Reference, seen: str | None) -> Reference:
    """Under a lock that lets pictures through, which name their station and product meanwhile."""
    if not row.pk:
        return row
    found = type(row)._base_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
    if found is None:
        raise ChangedMeanwhile(f"Someone has removed the {kind_of(row)} {path_of(row)} meanwhile.")
    if seen is not None and seen != fingerprint(found):
        raise ChangedMeanwhile(
            f"Someone changed the {kind_of(row)} {path_of(row)} while you were at it. "
            "Nothing was stored: look at the new values and change it again."
        )
    return found


def _keep_code(row: Reference, words: Mapping[str, Any]) -> None:
    if words.get("code", row.code) != row.code and not may_rename(row):
        raise Refused(
            f"The code {row.code} stays: it is in use. Change the name, or add another one."
        )


def _check(row: Reference) -> None:
    """Refused, with a sentence, for what the database or a page could not make sense of."""
    if isinstance(row, Site) and row.time_zone not in zones():
        raise Refused(f"There is no time zone {row.time_zone!r}: write one such as Europe/Berlin.")
    if isinstance(row, Station) and not _is_takt(row.takt_seconds):
        raise Refused("The takt is the seconds per part: more than 0, or nothing.")
    if isinstance(row, DefectType) and row.raises_after is not None and row.raises_after < 1:
        raise Refused("A nonconformance is raised after 1 confirmed defect or more, or never.")
    try:
        row.full_clean()
    except ValidationError as error:
        raise Refused(_sentence(error)) from None


def _is_takt(value: float | None) -> bool:
    return value is None or (value > 0 and math.isfinite(value))


def _sentence(error: ValidationError) -> str:
    """All that is wrong, each with the name of its field."""
    parts = [
        " ".join(said) if field == "__all__" else f"{field.replace('_', ' ')}: {' '.join(said)}"
        for field, said in error.message_dict.items()
    ]
    return " ".join(parts)


def _store(row: Reference, by: Who) -> None:
    try:
        with transaction.atomic(), changed_by(name_of(by)):
            row.save()
    except IntegrityError:
        raise ChangedMeanwhile(
            f"Someone else added the {kind_of(row)} {path_of(row)} at the same moment: look at it."
        ) from None


def _tell(
    row: Reference, what: str, fields: dict[str, list[Any]], *, by: Who, now: datetime
) -> None:
    event = catalogue.PlantChanged(kind=kind_of(row), code=path_of(row), what=what, fields=fields)
    outbox.publish(event, now=now, actor=name_of(by))
