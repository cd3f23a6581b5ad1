"""What an event is: a fact in the past tense that carries ids and plain values only."""

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
