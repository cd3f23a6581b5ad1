"""The versions of a row, newest first: when, by whom, and what differs from the one before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

LONGEST = 200  # versions on a page


@dataclass(frozen=True)
class Step:
    """One change: a field, what it was, what it is."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Version:
    number: int
    at: datetime
    by: str
    steps: list[Step]


def versions_of(row: models.Model) -> list[Version]:
    kept = row._meta.get_field("events").related_model.objects  # type: ignore[union-attr]
    found = list(kept.filter(pgh_obj=row).select_related("pgh_context").order_by("pgh_id"))
    told = list(_told(row, found))
    return told[::-1][:LONGEST]


def _told(row: models.Model, found: list[Any]) -> Iterator[Version]:
    before = None
    for number, event in enumerate(found, start=1):
        context = event.pgh_context
        by = context.metadata.get("actor", "") if context else ""
        yield Version(number, event.pgh_created_at, by, list(_steps(row, before, event)))
        before = event


def _steps(row: models.Model, before: Any, after: Any) -> Iterator[Step]:
    for field in row._meta.concrete_fields:
        if field.primary_key:
            continue
        was = getattr(before, field.attname) if before else None
        now = getattr(after, field.attname)
        if was != now and not (before is None and now in ("", None)):
            name = str(field.verbose_name)
            yield Step(name, _said(field, was), _said(field, now))


def _said(field: Any, value: Any) -> Any:
    """As people read it: the name of what a key points at, the word for a choice."""
    if isinstance(field, models.ForeignKey) and value is not None:
        return field.related_model._base_manager.filter(pk=value).first() or value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return dict(field.flatchoices).get(value, value)
