"""A person decided, or took it back -> does it belong to a nonconformance, or open one?"""

from uuid import UUID

from django.utils import timezone

from qms.events import catalogue
from qms.quality import opening
from qms.review.models import BINDING


def follow_decision(event: catalogue.ReviewDecided) -> None:
    _follow(event.inspection_id, event.kind)


def follow_undo(event: catalogue.ReviewUndone) -> None:
    _follow(event.inspection_id, event.kind)


def _follow(inspection_id: UUID, kind: str) -> None:
    """A look that only measures people says nothing new of the part."""
    if kind in BINDING:
        opening.follow(inspection_id, now=timezone.now())
