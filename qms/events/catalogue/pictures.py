"""The life of one picture."""

from dataclasses import dataclass
from uuid import UUID

from qms.events.catalogue.event import Event


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
class InspectionSettled(Event):
    inspection_id: UUID
    evaluation: str
