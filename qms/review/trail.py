"""What reviews say now, held against the events in which people decided."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from qms.events.models import Event
from qms.events.seal import Fault
from qms.review.models import Review

_AT_ONCE = 1000


def faults() -> Iterator[Fault]:
    rows = _whole(Review.objects.order_by("pk"))
    part = list(rows[:_AT_ONCE])
    while part:
        told = _told(part)
        for review in part:
            if _what(review, told.get(review.pk)):
                yield from _confirmed(review.pk)
        part = list(rows.filter(pk__gt=part[-1].pk)[:_AT_ONCE])


def _told(reviews: list[Review]) -> dict[int, dict[str, Any]]:
    """What was decided last of each review; nothing where the decision was taken back."""
    events = Event.objects.filter(
        subject__in=[review.inspection_id for review in reviews],
        name__in=("ReviewDecided", "ReviewUndone"),
    )
    told: dict[int, dict[str, Any]] = {}
    for event in events.order_by("id"):
        said = event.payload if event.name == "ReviewDecided" else {}
        told[event.payload["review_id"]] = said
    return told


@transaction.atomic
def _confirmed(pk: int) -> list[Fault]:
    """Look again with the row held still: its person may have moved it between two looks."""
    rows = list(_whole(Review.objects.select_for_update(of=("self",)).filter(pk=pk)))
    whats = [(row, _what(row, _told(rows).get(pk))) for row in rows]
    return [
        Fault(None, str(row.inspection_id), f"review {pk} {what}") for row, what in whats if what
    ]


def _what(review: Review, told: dict[str, Any] | None) -> str:
    """What is wrong with it, if anything is."""
    decision = (told or {}).get("evaluation", "")
    if review.decision != decision:
        return f"says {review.decision or 'nothing'}, its events say {decision or 'nothing'}"
    if not told or told.get("note") is None:  # or by a release that said no more
        return ""
    if review.note != told["note"]:
        return "has another note than was written"
    if review.defect_type_id != told["defect_type_id"]:
        return "names another defect type than was chosen"
    if told.get("findings") is not None and told["findings"] != _answers(review):
        return "says something else of its findings than was said"
    return ""


def _whole(rows: QuerySet[Review]) -> QuerySet[Review]:
    return rows.prefetch_related("finding_answers__finding")


def _answers(review: Review) -> list[dict[str, Any]]:
    said = sorted(review.finding_answers.all(), key=lambda answer: answer.pk)
    return [answer.as_told() for answer in said]
