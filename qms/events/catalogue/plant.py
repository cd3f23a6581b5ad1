"""Reference data, and the rules that follow from it."""

from dataclasses import dataclass
from typing import Any

from qms.events.catalogue.event import Event


@dataclass(frozen=True, kw_only=True)
class PlantChanged(Event):
    """Reference data was added, changed or removed; ``fields``: what each was before, and is."""

    kind: str
    code: str
    what: str
    fields: dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class CatalogueImported(Event):
    """A file brought all of this at once; each change has an event of its own beside this one."""

    name: str
    sha256: str
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, kw_only=True)
class QuestionsPublished(Event):
    question_set_id: int
    product: str
    number: int


@dataclass(frozen=True, kw_only=True)
class RecipePublished(Event):
    recipe_id: int
    product: str
    number: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class StationMoved(Event):
    station: str
    status: str


@dataclass(frozen=True, kw_only=True)
class LotMoved(Event):
    product: str
    lot: str
    status: str
    reason: str
    signature_id: int | None = None  # only who lets one go signs


@dataclass(frozen=True, kw_only=True)
class GoldenPictureAdded(Event):
    golden_picture_id: int
    product: str
    view: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class GoldenPictureRetired(Event):
    golden_picture_id: int
    product: str
    view: str
