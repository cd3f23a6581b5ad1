"""What inspections say now, held against the events that made them so."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from qms.accounts.signatures import digest
from qms.events.models import Event
from qms.events.seal import Fault
from qms.inspections.enrolling import content_of
from qms.inspections.enrolments import Enrolment
from qms.inspections.models import Evaluation, Inspection, Status, SubmissionKey

_AT_ONCE = 1000
_FRESH = (Status.SUBMITTED, Status.FAILED)
_LOOKS_ALONE = ("REPEAT", "STUDY")  # reviews that measure people and settle nothing

Row = tuple[UUID, str, str, str]  # id, status, evaluation, hash of the picture


def faults() -> Iterator[Fault]:
    for rows in _slices(Inspection.objects.order_by("id")):
        lives = _lives([row[0] for row in rows])
        for row in rows:
            if _what(row, lives.get(row[0], [])):
                yield from _confirmed(row[0])
    yield from _keys()
    yield from _activations()


def _slices(rows: Any) -> Iterator[list[Row]]:
    rows = rows.values_list("id", "status", "evaluation", "picture_sha256")
    part = list(rows[:_AT_ONCE])
    while part:
        yield part
        part = list(rows.filter(id__gt=part[-1][0])[:_AT_ONCE])


def _lives(ids: Sequence[UUID]) -> dict[UUID, list[Event]]:
    lives: dict[UUID, list[Event]] = {}
    for event in Event.objects.filter(subject__in=ids).order_by("id"):
        lives.setdefault(event.subject or UUID(int=0), []).append(event)
    return lives


@transaction.atomic
def _confirmed(pk: UUID) -> list[Fault]:
    """Look again with the row held still: the line may have moved it between two looks."""
    held = Inspection.objects.select_for_update().filter(pk=pk)
    rows = list(held.values_list("id", "status", "evaluation", "picture_sha256"))
    whats = [_what(row, _lives([pk]).get(pk, [])) for row in rows]
    return [Fault(None, str(pk), f"the inspection {what}") for what in whats if what]


def _what(row: Row, life: Sequence[Event]) -> str:
    """What is wrong with it, if anything is."""
    _, status, evaluation, picture = row
    if not life:
        return "has no event"
    if (status, evaluation) != (told := _replayed(life)):
        return f"says {status} {evaluation}, its events say {' '.join(told)}"
    said = life[0].payload.get("picture_sha256")
    return "has another picture than was submitted" if said and said != picture else ""


def _replayed(life: Sequence[Event]) -> tuple[str, str]:
    """Status and evaluation after these events, by the rules of this room's actions."""
    status, evaluation = str(Status.SUBMITTED), str(Evaluation.UNDEFINED)
    for event in life:
        said = event.payload.get("evaluation") or ""
        if event.name == "InspectionJudged" and status in _FRESH:
            status, evaluation = Status.JUDGED, said
        elif event.name == "InspectionFailed" and status == Status.SUBMITTED:
            status = Status.FAILED
        elif event.payload.get("kind") in _LOOKS_ALONE:
            continue
        elif event.name in ("ReviewOpened", "ReviewUndone"):
            status, evaluation = Status.IN_REVIEW, said or evaluation
        elif event.name == "InspectionSettled":
            status, evaluation = Status.SETTLED, said
    return str(status), str(evaluation)


def _activations() -> Iterator[Fault]:
    """Each model that was activated from an enrolment, as it was signed."""
    signed = Enrolment.objects.filter(signature__isnull=False).order_by("pk")
    for enrolment in signed.select_related("product", "candidate", "signature").iterator():
        if enrolment.candidate is None or enrolment.signature is None:
            yield Fault(None, "", f"{enrolment} lost the model that was signed for")
        elif digest(content_of(enrolment, enrolment.candidate)) != enrolment.signature.digest:
            yield Fault(None, "", f"{enrolment} is not what was signed")


def _keys() -> Iterator[Fault]:
    """What each sender's id stands for, as it was said when its picture came in."""
    keys = SubmissionKey.objects.order_by("pk").values_list("pk", "inspection_id", "fingerprint")
    part = list(keys[:_AT_ONCE])
    while part:
        names = Event.objects.filter(
            subject__in=[row[1] for row in part], name="InspectionSubmitted"
        )
        told = {event.subject: event.payload.get("fingerprint") for event in names}
        for _, inspection, fingerprint in part:
            if told.get(inspection) not in (None, "", fingerprint):
                yield Fault(None, str(inspection), "its submission key was changed")
        part = list(keys.filter(pk__gt=part[-1][0])[:_AT_ONCE])
