"""A person decided, or took it back -> does it belong to a nonconformance, or open one?"""

from django.utils import timezone

from qms.events import catalogue
from qms.quality import opening


def follow_decision(event: catalogue.ReviewDecided) -> None:
    opening.follow(event.inspection_id, now=timezone.now())


def follow_undo(event: catalogue.ReviewUndone) -> None:
    opening.follow(event.inspection_id, now=timezone.now())
