"""What happens to the part."""

from dataclasses import dataclass
from uuid import UUID

from qms.events.catalogue.event import Event


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
