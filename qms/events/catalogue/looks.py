"""What people see and say of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qms.events.catalogue.event import Event


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
