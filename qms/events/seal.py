"""Number each event and chain its hash: the audit trail that shows tampering.

A chain made in ``publish`` would put all writers in one line. So one writer comes behind the
commits: it holds the lock of the head row, takes what is not sealed yet and appends it. The head
is also written to the file store, outside the database, so that a cut tail shows as well.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from qms import storage
from qms.events.models import ChainHead, Event

_START = "0" * 64


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
    """Walk the whole chain and yield each place where it is broken."""
    number, digest = 0, _START
    for event in Event.objects.exclude(number=None).order_by("number").iterator(2000):
        number += 1
        yield from _faults(event, number=number, previous=digest)
        number, digest = event.number or number, event.digest
    head = ChainHead.objects.filter(pk=1).first() or ChainHead()
    if (head.number, head.digest) != (number, digest):
        yield Fault(head.number, "", f"the chain ends at {number}, its head says {head.number}")
    yield from _witness_faults()


def leave_witness(*, now: datetime) -> None:
    """Write the head to the file store, where the database's owner alone cannot change it."""
    head = ChainHead.objects.filter(pk=1).first()
    if head and head.number:
        said = {"number": head.number, "digest": head.digest, "at": now.isoformat()}
        storage.keep(f"seals/{now:%Y/%m/%d/%H}.json", json.dumps(said).encode())
        storage.keep("seals/latest.json", json.dumps(said).encode())


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


def _witness_faults() -> Iterator[Fault]:
    try:
        said = json.loads(storage.read("seals/latest.json"))
    except FileNotFoundError:
        return
    if not Event.objects.filter(number=said["number"], digest=said["digest"]).exists():
        yield Fault(said["number"], "", "the file store remembers a seal that the database lacks")
