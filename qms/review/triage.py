"""Which verdicts need a person, and why. Pure: no database, no clock."""

import hashlib
from uuid import UUID


def reason_for_review(*, evaluation: str, inspection_id: UUID, audit_share: float) -> str:
    """A word of ``Reason``, or nothing where the model's answer stands.

    The audit draws by a hash of the key, so running twice draws the same, and nobody on the line
    can tell which part will be drawn.
    """
    if evaluation in ("NOT_DECIDABLE", "NOT_OK"):
        return evaluation
    return "AUDIT" if draw(inspection_id) < audit_share else ""


def draw(inspection_id: UUID) -> float:
    """A uniform number in [0, 1) that belongs to this inspection."""
    digest = hashlib.sha256(b"audit" + inspection_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
