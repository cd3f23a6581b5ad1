"""Everything that can happen, in the order in which it does.

An event is a fact in the past tense that carries ids and plain values only, so this file imports
nothing of the house and everyone may import it. ``inspection_id``, where an event has one, is its
subject: the inspection's page tells its life from these. A field with a default came in later:
events that were written before read back with it.
"""

from dataclasses import dataclass, fields
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Event:
    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """Read back what JSON kept, turning text into UUIDs where the field is one."""
        ids = {field.name for field in fields(cls) if field.type in (UUID, UUID | None)}
        return cls(**{name: UUID(v) if v and name in ids else v for name, v in payload.items()})


@dataclass(frozen=True, kw_only=True)
class KeyIssued(Event):
    key_id: int
    name: str
    scopes: list[str]


@dataclass(frozen=True, kw_only=True)
class KeyRevoked(Event):
    key_id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class RecordSigned(Event):
    """A person put a name under a record; ``digest`` is the SHA-256 of its content."""

    signature_id: int
    record: str
    meaning: str
    reason: str
    digest: str


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


@dataclass(frozen=True, kw_only=True)
class FitBegun(Event):
    """``run`` counts the fits of one enrolment; ``digest`` names its set of pictures."""

    enrolment_id: int
    product: str
    run: int
    pictures: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class FitCancelled(Event):
    enrolment_id: int
    product: str
    run: int


@dataclass(frozen=True, kw_only=True)
class FitFailed(Event):
    enrolment_id: int
    product: str
    run: int
    error: str


@dataclass(frozen=True, kw_only=True)
class ModelEnrolled(Event):
    model_version_id: int
    product: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ModelPromoted(Event):
    model_version_id: int
    product: str


@dataclass(frozen=True, kw_only=True)
class InspectionSubmitted(Event):
    inspection_id: UUID
    picture_sha256: str = ""
    fingerprint: str = ""  # of the whole submission


@dataclass(frozen=True, kw_only=True)
class InspectionJudged(Event):
    inspection_id: UUID
    verdict_id: UUID
    evaluation: str


@dataclass(frozen=True, kw_only=True)
class InspectionFailed(Event):
    inspection_id: UUID
    error: str


@dataclass(frozen=True, kw_only=True)
class StudyBegun(Event):
    """Several people are to judge the same decided parts, several times."""

    study_id: int
    product: str
    name: str
    people: list[str]
    parts: int
    trials: int


@dataclass(frozen=True, kw_only=True)
class StudyEnded(Event):
    """Before all had answered; ``withdrawn`` looks are not waited for any more."""

    study_id: int
    name: str
    withdrawn: int


@dataclass(frozen=True, kw_only=True)
class ReviewOpened(Event):
    """``kind`` tells whether the answer will settle the inspection: VERIFY, by older releases."""

    inspection_id: UUID
    review_id: int
    reason: str
    kind: str = "VERIFY"


@dataclass(frozen=True, kw_only=True)
class ReviewClaimed(Event):
    inspection_id: UUID
    review_id: int


@dataclass(frozen=True, kw_only=True)
class ReviewReleased(Event):
    """Given back by the person who had it in hand, or taken back because it was left lying."""

    inspection_id: UUID
    review_id: int
    reviewer: str
    forgotten: bool = False


@dataclass(frozen=True, kw_only=True)
class ReviewDecided(Event):
    inspection_id: UUID
    review_id: int
    evaluation: str
    defect_type_id: int | None = None
    note: str | None = None  # None: by a release that kept it in the review alone
    kind: str = "VERIFY"
    findings: list[dict[str, Any]] | None = None  # what the person said of each


@dataclass(frozen=True, kw_only=True)
class ReviewUndone(Event):
    """``evaluation`` is what holds again; empty: by a release that left the person's."""

    inspection_id: UUID
    review_id: int
    evaluation: str = ""
    kind: str = "VERIFY"


@dataclass(frozen=True, kw_only=True)
class ReviewWithdrawn(Event):
    """The answer that it was to doubt was taken back, so nobody needs to look any more."""

    inspection_id: UUID
    review_id: int


@dataclass(frozen=True, kw_only=True)
class CorrectionWanted(Event):
    """An inspector asks that somebody draws what the model should have seen."""

    inspection_id: UUID
    review_id: int


@dataclass(frozen=True, kw_only=True)
class InspectionSettled(Event):
    inspection_id: UUID
    evaluation: str


@dataclass(frozen=True, kw_only=True)
class NonconformanceRaised(Event):
    """``nonconformance`` is its number, by which its page finds all that happened to it."""

    nonconformance: str
    product: str
    scope: str
    severity: str
    title: str
    by_rule: bool


@dataclass(frozen=True, kw_only=True)
class NonconformanceJoined(Event):
    """A nonconformance rests on this bad part as well."""

    inspection_id: UUID
    nonconformance: str


@dataclass(frozen=True, kw_only=True)
class NonconformanceLeft(Event):
    """The answer by which the part was bad was taken back, or another one holds now."""

    inspection_id: UUID
    nonconformance: str


@dataclass(frozen=True, kw_only=True)
class NonconformanceMoved(Event):
    """``parts`` is how many came on its containment list by this."""

    nonconformance: str
    status: str
    parts: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class NonconformanceDescribed(Event):
    nonconformance: str
    root_cause: str


@dataclass(frozen=True, kw_only=True)
class PartsDispositioned(Event):
    """What is to be done with parts of a nonconformance; of one part, it is named."""

    nonconformance: str
    disposition_id: int
    kind: str
    covers: str
    parts: int
    signature_id: int
    digest: str
    inspection_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class CorrectiveActionAgreed(Event):
    nonconformance: str
    action_id: int
    kind: str
    text: str
    owner: str
    due: str
    check_due: str | None = None


@dataclass(frozen=True, kw_only=True)
class CorrectiveActionMoved(Event):
    """Done, found effective or not, or cancelled."""

    nonconformance: str
    action_id: int
    status: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DeliveryDied(Event):
    """A fact could not be brought to a handler: it stands among the dead letters."""

    delivery_id: int
    name: str
    payload: dict[str, Any]
    handler: str
    error: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRevived(Event):
    delivery_id: int
    handler: str


@dataclass(frozen=True, kw_only=True)
class HourStruck(Event):
    """Time is an event like any other, so what happens by the clock is in the flow too."""

    hour: str
