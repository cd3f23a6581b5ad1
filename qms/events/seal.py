"""Number each event and chain its hash: the audit trail that shows tampering.

A chain made in ``publish`` would put all writers in one line. So one writer comes behind the
commits: it holds the lock of the head row, takes what is not sealed yet and appends it. The head
is also written to the file store (qms.events.witness), so that a cut tail shows as well; and what
living rows say now is held against the events that made them so (``settings.TRAIL_CHECKS``).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from qms.events import witness
from qms.events.models import ChainHead, Event

_START = "0" * 64
_REMEMBERS = "the file store remembers a seal that the database lacks"


@dataclass(frozen=True)
class Fault:
    """One place where the trail does not hold."""

    number: int | None
    event_id: str
    what: str


@transaction.atomic
def seal(*, limit: int = 2000) -> int:
    """Seal what is not yet sealed, in the order of its keys. Returns how many.

    Two writers cannot both run: the second waits for the head row and finds the work done.
    """
    ChainHead.objects.get_or_create(pk=1)
    head = ChainHead.objects.select_for_update().get(pk=1)
    events = list(Event.objects.filter(number=None).order_by("id")[:limit])
    for event in events:
        head.number += 1
        event.number, event.previous = head.number, head.digest
        event.digest = head.digest = digest_of(event)
    if events:
        Event.objects.bulk_update(events, ["number", "previous", "digest"], batch_size=500)
        head.save()
    return len(events)


def digest_of(event: Event) -> str:
    """SHA-256 over the previous digest and all that the event says, as canonical JSON."""
    said = {
        "number": event.number,
        "previous": event.previous,
        "id": str(event.pk),
        "name": event.name,
        "payload": event.payload,
        "actor": event.actor,
        "subject": event.subject,
        "occurred_at": event.occurred_at.timestamp(),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def verify() -> Iterator[Fault]:
    """Walk the whole chain, its witnesses and the rows it tells of; yield each place that is broken."""
    yield from _chain_faults()
    for check in settings.TRAIL_CHECKS:
        yield from import_string(check)()


def _chain_faults() -> Iterator[Fault]:
    told = list(witness.all_said())
    yield from (Fault(None, "", str(one)) for one in told if isinstance(one, Exception))
    said = _by_number(one for one in told if isinstance(one, witness.Witness))
    head, number, digest = _head(), 0, _START
    for event in Event.objects.exclude(number=None).order_by("number").iterator(2000):
        number += 1
        yield from _faults(event, number=number, previous=digest)
        yield from _contradictions(said.pop(number, []), event)
        number, digest = event.number or number, event.digest
    yield from _end_faults(head, number)
    for lost in (one for left in said.values() for one in left):
        yield Fault(lost.number, "", f"{lost.name}: {_REMEMBERS}")


def _by_number(said: Iterable[witness.Witness]) -> dict[int, list[witness.Witness]]:
    found: dict[int, list[witness.Witness]] = {}
    for one in said:
        found.setdefault(one.number, []).append(one)
    return found


def _contradictions(said: list[witness.Witness], event: Event) -> Iterator[Fault]:
    for one in said:
        if one.digest != event.digest:
            yield Fault(event.number, str(event.pk), f"{one.name}: {_REMEMBERS}")


def _head() -> ChainHead:
    return ChainHead.objects.filter(pk=1).first() or ChainHead()


def _end_faults(head: ChainHead, number: int) -> Iterator[Fault]:
    """``head`` as it was before the walk; what was sealed meanwhile lies behind it."""
    if head.number < number:
        head = _head()
    known = Event.objects.filter(number=head.number, digest=head.digest)
    if head.number < number or (head.number and not known.exists()):
        yield Fault(head.number, "", f"the chain ends at {number}, its head says {head.number}")
    if witness.is_missing(now=timezone.now()):
        yield Fault(head.number, "", f"{witness.LATEST} is gone from the file store")


def _faults(event: Event, *, number: int, previous: str) -> Iterator[Fault]:
    def fault(what: str) -> Fault:
        return Fault(event.number, str(event.pk), what)

    if event.number != number:
        yield fault(
            f"number {number} is missing" if (event.number or 0) > number else "number twice"
        )
    if event.previous != previous:
        yield fault("does not follow the event before it")
    if event.digest != digest_of(event):
        yield fault("its content is not what was sealed")
