"""What label tasks and annotations say now, held against the events that made them so."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction

from qms.events.models import Event
from qms.events.seal import Fault
from qms.labels.corrections import digest_of
from qms.labels.models import Annotation, LabelTask, Status

_AT_ONCE = 500


def faults() -> Iterator[Fault]:
    rows = LabelTask.objects.order_by("pk")
    part = list(rows[:_AT_ONCE])
    while part:
        told = _told(part)
        for task in part:
            if task.status != told.get(task.pk):
                yield from _confirmed(task.pk)
        part = list(rows.filter(pk__gt=part[-1].pk)[:_AT_ONCE])
    yield from _wrong_annotations()


def _told(tasks: Sequence[LabelTask]) -> dict[int, str]:
    """The state in which the events left each task."""
    events = Event.objects.filter(
        subject__in=[task.inspection_id for task in tasks],
        name__in=("LabelTaskWanted", "LabelTaskMoved"),
    )
    return {
        event.payload["label_task_id"]: event.payload.get("status", Status.WANTED)
        for event in events.order_by("id")
    }


@transaction.atomic
def _confirmed(pk: int) -> list[Fault]:
    """Look again with the row held still: somebody may have moved it between two looks."""
    rows = list(LabelTask.objects.select_for_update().filter(pk=pk))
    told = _told(rows)
    return [
        Fault(
            None,
            str(row.inspection_id),
            f"label task {pk} says {row.status}, its events say {told.get(pk, 'nothing')}",
        )
        for row in rows
        if row.status != told.get(pk)
    ]


def _wrong_annotations() -> Iterator[Fault]:
    """Rows first, then events: what is received meanwhile has both."""
    rows = Annotation.objects.order_by("pk")
    part = list(rows[:_AT_ONCE])
    while part:
        told = _received(part)
        for row in part:
            if what := _what(row, told.get(row.pk)):
                yield Fault(None, str(row.inspection_id), f"annotation {row.pk} {what}")
        part = list(rows.filter(pk__gt=part[-1].pk)[:_AT_ONCE])
    yield from _lacking()


def _received(rows: Sequence[Annotation]) -> dict[int, dict[str, Any]]:
    events = Event.objects.filter(
        subject__in=[row.inspection_id for row in rows], name="AnnotationReceived"
    )
    return {event.payload["annotation_id"]: event.payload for event in events}


def _what(row: Annotation, told: dict[str, Any] | None) -> str:
    """What is wrong with it, if anything is."""
    if told is None:
        return "has no event"
    says = (row.evaluation, row.skipped, row.label_task_id)
    if says != (told["evaluation"], told["skipped"], told["label_task_id"]):
        return "says otherwise than its event"
    if told.get("digest") and told["digest"] != digest_of(row):
        return "is not what was received: its regions or words are others"
    return ""


def _lacking() -> Iterator[Fault]:
    events = Event.objects.filter(name="AnnotationReceived").order_by("id")
    for event in events.iterator():
        pk = event.payload["annotation_id"]
        if not Annotation.objects.filter(pk=pk).exists():
            yield Fault(event.number, str(event.pk), f"annotation {pk} is told of, but not there")
