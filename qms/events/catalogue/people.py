"""Keys and names."""

from dataclasses import dataclass

from qms.events.catalogue.event import Event


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
