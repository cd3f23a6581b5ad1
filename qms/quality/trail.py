"""What nonconformances say now, held against the events and the signatures that made them so."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from qms.accounts.models import Signature
from qms.accounts.signatures import digest
from qms.events.models import Event, of_nonconformances
from qms.events.seal import Fault
from qms.plant.models import Lot, LotStatus
from qms.quality import containment
from qms.quality.actions import is_as_signed
from qms.quality.lots import content_of
from qms.quality.models import (
    ActionStatus,
    Covers,
    Disposition,
    Kind,
    Nonconformance,
    Standing,
    Status,
)

_AT_ONCE = 200
_RAISED = ("scope", "severity", "title", "by_rule")


def faults() -> Iterator[Fault]:
    rows = Nonconformance.objects.order_by("pk")
    part = list(rows[:_AT_ONCE])
    while part:
        lives = _lives(part)
        for case in part:
            if any(_wrong(case, lives.get(case.number, []))):
                yield from _confirmed(case.pk)
        part = list(rows.filter(pk__gt=part[-1].pk)[:_AT_ONCE])
    yield from _wrong_lots()


def _lives(cases: Sequence[Nonconformance]) -> dict[str, list[Event]]:
    lives: dict[str, list[Event]] = {}
    for event in of_nonconformances(case.number for case in cases):
        lives.setdefault(event.payload["nonconformance"], []).append(event)
    return lives


@transaction.atomic
def _confirmed(pk: int) -> list[Fault]:
    """Look again with the row held still: somebody may have moved it between two looks."""
    rows = list(Nonconformance.objects.select_for_update().filter(pk=pk))
    lives = _lives(rows)
    return [
        Fault(None, "", f"{case} {what}")
        for case in rows
        for what in _wrong(case, lives.get(case.number, []))
    ]


def _wrong(case: Nonconformance, life: Sequence[Event]) -> Iterator[str]:
    if not life:
        yield "has no event"
        return
    if case.status != (told := _status(life)):
        yield f"says {case.status}, its events say {told}"
    if _rests_on(case) != (joined := _joined(life)):
        yield f"rests on other parts than the {len(joined)} of its events"
    for name, words in _words(life).items():
        if getattr(case, name) != words:
            yield f"has another {name.replace('_', ' ')} than its events tell"
    yield from _wrong_actions(case, life)
    yield from _wrong_dispositions(case, life)
    yield from _wrong_lines(case)


def _status(life: Sequence[Event]) -> str:
    moves = [event.payload["status"] for event in life if event.name == "NonconformanceMoved"]
    return str(moves[-1] if moves else Status.OPEN)


def _words(life: Sequence[Event]) -> dict[str, Any]:
    """What was written of it: as it was raised, contained and described last."""
    said: dict[str, Any] = {}
    status = str(Status.OPEN)
    for event in life:
        if event.name == "NonconformanceRaised":
            said |= {name: event.payload[name] for name in _RAISED}
        elif event.name == "NonconformanceDescribed":
            said["root_cause"] = event.payload["root_cause"]
        elif event.name == "NonconformanceMoved":
            before, status = status, event.payload["status"]
            if status == Status.WITHDRAWN:
                said["containment"] = ""
            elif (before, status) == (Status.OPEN, Status.CONTAINED):
                said["containment"] = event.payload["reason"]
    return said


def _wrong_actions(case: Nonconformance, life: Sequence[Event]) -> Iterator[str]:
    told: dict[int, dict[str, Any]] = {}
    for event in life:
        if event.name == "CorrectiveActionAgreed":
            agreed = {"status": ActionStatus.AGREED, "note": ""}
            told[event.payload["action_id"]] = {**agreed, **event.payload}
        elif event.name == "CorrectiveActionMoved":
            told.setdefault(event.payload["action_id"], {}).update(event.payload)
    for action in case.actions.all():
        said = told.pop(action.pk, {})
        says = {name: getattr(action, name) for name in ("kind", "text", "status", "note")}
        says |= {"due": action.due.isoformat()}
        says |= {"check_due": action.check_due.isoformat() if action.check_due else None}
        if wrong := [name for name in says if says[name] != said.get(name)]:
            yield f"has action {action.pk}, of whose {wrong[0]} its events tell otherwise"
    if told:
        yield f"lacks action {min(told)}, of which an event tells"


def _wrong_lots() -> Iterator[Fault]:
    moves = list(Event.objects.filter(name="LotMoved").order_by("id"))
    yield from _wrong_releases([event.payload for event in moves])
    told = {(event.payload["product"], event.payload["lot"]): event.payload for event in moves}
    for lot in Lot.objects.select_related("product").order_by("pk").iterator():
        if _differs(lot, told.get((lot.product.code, lot.number))):
            yield from _confirmed_lot(lot.pk)


def _wrong_releases(moves: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    signed = {move["signature_id"]: move for move in moves if move.get("signature_id")}
    signatures = Signature.objects.in_bulk(signed)
    for pk, move in signed.items():
        content = content_of(move["product"], move["lot"], move["status"], move["reason"])
        if pk not in signatures or digest(content) != signatures[pk].digest:
            yield Fault(None, "", f"lot {move['lot']} was let go otherwise than was signed")


@transaction.atomic
def _confirmed_lot(pk: int) -> list[Fault]:
    """Look again with the row held still: somebody may have moved it between two looks."""
    lot = Lot.objects.select_for_update(of=("self",)).select_related("product").get(pk=pk)
    moves = Event.objects.filter(
        name="LotMoved", payload__product=lot.product.code, payload__lot=lot.number
    )
    last = moves.order_by("id").last()
    differs = _differs(lot, last.payload if last else None)
    return [Fault(None, "", f"lot {lot} says {lot.status}, its events otherwise")] * differs


def _differs(lot: Lot, told: dict[str, Any] | None) -> bool:
    said = told or {"status": LotStatus.OPEN, "reason": ""}
    return (lot.status, lot.reason) != (said["status"], said["reason"])


def _rests_on(case: Nonconformance) -> set[str]:
    standing = case.occurrences.filter(status=Standing.STANDS)
    return {str(pk) for pk in standing.values_list("inspection_id", flat=True)}


def _joined(life: Sequence[Event]) -> set[str]:
    parts: set[str] = set()
    for event in life:
        if event.name == "NonconformanceJoined":
            parts.add(event.payload["inspection_id"])
        elif event.name == "NonconformanceLeft":
            parts.discard(event.payload["inspection_id"])
    return parts


def _wrong_dispositions(case: Nonconformance, life: Sequence[Event]) -> Iterator[str]:
    told = {
        event.payload["disposition_id"]: event.payload
        for event in life
        if event.name == "PartsDispositioned"
    }
    rows = case.dispositions.select_related("signature", "nonconformance")
    for disposition in rows:
        said = told.pop(disposition.pk, None)
        if said is None:
            yield f"has disposition {disposition.pk}, of which no event tells"
        elif said["kind"] != disposition.kind or said["digest"] != disposition.signature.digest:
            yield f"has disposition {disposition.pk}, of which its event tells otherwise"
        elif not is_as_signed(disposition):
            yield f"has disposition {disposition.pk}, which is not what was signed"
    if told:
        yield f"lacks disposition {min(told)}, of which an event tells"


def _wrong_lines(case: Nonconformance) -> Iterator[str]:
    """Each part bears the latest disposition that covers it."""
    dispositions = list(case.dispositions.all())
    covered: dict[int, list[tuple[int, UUID]]] = {one.pk: [] for one in dispositions}
    for line in case.lines.values_list("number", "inspection_id", "added_at", "disposition_id"):
        number, part, added_at, says = line
        holds: Disposition | None = None
        for one in dispositions:
            if one.at >= added_at and _covers(one, part, holds):
                holds = one
                covered[one.pk].append((number, part))
        if says != (holds.pk if holds else None):
            yield f"has another disposition on line {number} than was signed for it"
    for one in dispositions:
        if one.lines_digest and one.lines_digest != containment.digest_of(covered[one.pk]):
            yield f"has disposition {one.pk}, which was signed for other lines than it covers"


def _covers(one: Disposition, part: object, holds: Disposition | None) -> bool:
    if one.covers == Covers.ONE:
        return one.inspection_id == part
    return one.covers == Covers.ALL or holds is None or holds.kind == Kind.HOLD
