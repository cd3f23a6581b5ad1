"""Which verdicts need a person, and why. Pure: no database, no clock."""

import hashlib
from uuid import UUID


def reason_for_review(*, evaluation: str, drawn: bool) -> str:
    """A word of ``Reason``, or nothing where the model's answer stands."""
    if evaluation in ("NOT_DECIDABLE", "NOT_OK"):
        return evaluation
    return "AUDIT" if drawn else ""


def is_drawn(inspection_id: UUID, *, share: float) -> bool:
    """Whether this one is looked at blind, whatever the model says of it.

    Drawn by a hash of the key: running twice draws the same, and nobody on the line can tell
    which part will be drawn.
    """
    return draw(inspection_id) < share


def draw(inspection_id: UUID) -> float:
    """A uniform number in [0, 1) that belongs to this inspection."""
    digest = hashlib.sha256(b"audit" + inspection_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
