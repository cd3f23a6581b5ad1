"""See each fact to each of its handlers: the reading side of the post office.

Work runs at least once; what it found is written once. A claim is a lease with a token. The
results of a batch are written in the transaction that marks its deliveries done, and only for
those that still bear the token: a worker that was paused beyond its lease writes nothing.
"""

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import connection, connections, transaction

from qms.events import catalogue, deadletters
from qms.events.outbox import Step, step_named
from qms.events.renewal import renewed

log = structlog.get_logger(__name__)

# One handler's turn: long enough to be cheap, short enough to let others at the worker.
TURN_SECONDS = 10.0

_CLAIM = """
    UPDATE events_delivery AS d
       SET due_at = statement_timestamp() + %(lease)s, attempts = attempts + 1, token = %(token)s
      FROM events_event AS e
     WHERE d.event_id = e.id AND d.id = ANY(ARRAY(
           SELECT id FROM events_delivery
            WHERE handler = %(handler)s AND done_at IS NULL AND dead_at IS NULL
              AND due_at <= statement_timestamp()
              AND attempts BETWEEN %(least)s AND %(most)s
            ORDER BY due_at, id FOR UPDATE SKIP LOCKED LIMIT %(limit)s))
 RETURNING d.id, e.name, e.payload, d.attempts
"""
_SIGN = """
    UPDATE events_delivery SET done_at = statement_timestamp(), token = NULL, error = ''
     WHERE id = ANY(%s) AND token = %s AND done_at IS NULL AND dead_at IS NULL
 RETURNING id
"""


@dataclass(frozen=True)
class Parcel:
    """One delivery in my hands, under a lease. ``outcome`` is what the slow part found."""

    delivery_id: int
    fact: catalogue.Event
    attempts: int
    token: UUID
    outcome: Any = None

    def with_outcome(self, outcome: Any) -> "Parcel":
        return Parcel(self.delivery_id, self.fact, self.attempts, self.token, outcome)


@dataclass
class Batch:
    """Parcels of one claim that go together, and those that failed while being gathered."""

    parcels: list[Parcel] = field(default_factory=list)
    failed: list[Parcel] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.parcels) + len(self.failed)


def drain(handler: str, *, seconds: float = TURN_SECONDS) -> int:
    """Do what is due for this handler until nothing is, or the turn is over. Returns how many.

    While one batch is at work, the next one is claimed and gathered in a thread. Fresh work and
    what was tried before take turns, so that neither waits for the other.
    """
    step = step_named(handler)
    until, done = time.monotonic() + seconds, 0
    turns = cycle([False, True])
    with ThreadPoolExecutor(1, thread_name_prefix="gather") as ahead:
        try:
            coming = ahead.submit(_next_batch, step, repeats_first=next(turns))
            while batch := coming.result():
                more = time.monotonic() < until and not step.long
                coming = (
                    ahead.submit(_next_batch, step, repeats_first=next(turns))
                    if more
                    else _no_batch()
                )
                _deliver(step, batch)
                done += len(batch)
        finally:
            ahead.submit(connections.close_all)  # a thread has a connection of its own
    return done


def deliver_once(handler: str) -> int:
    """Claim one batch and deliver it, all in this thread. Returns how many."""
    step = step_named(handler)
    batch = _next_batch(step)
    _deliver(step, batch)
    return len(batch)


def claim(step: Step, *, repeats_first: bool = False) -> list[Parcel]:
    """Take what is due. What has failed, or was with a worker that died, comes alone.

    So a poisoned picture that kills its worker takes no other with it on its second try.
    """
    if repeats_first:
        return _repeat(step) or _fresh(step)
    return _fresh(step) or _repeat(step)


def _fresh(step: Step) -> list[Parcel]:
    return _claim(step, most=0, limit=step.batch)


def _repeat(step: Step) -> list[Parcel]:
    return _claim(step, least=1, limit=1)


def _claim(step: Step, *, limit: int, least: int = 0, most: int = 32_000) -> list[Parcel]:
    token = uuid4()
    values: dict[str, Any] = {"handler": step.name, "lease": step.lease, "token": token}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {**values, "least": least, "most": most, "limit": limit})
        rows = sorted(cursor.fetchall())
    return [Parcel(pk, _fact(name, payload), n, token) for pk, name, payload, n in rows]


def _fact(name: str, payload: str) -> catalogue.Event:
    kind: type[catalogue.Event] = getattr(catalogue, name)
    return kind.from_payload(json.loads(payload))


def _no_batch() -> Future[Batch]:
    future: Future[Batch] = Future()
    future.set_result(Batch())
    return future


def _next_batch(step: Step, *, repeats_first: bool = False) -> Batch:
    parcels = claim(step, repeats_first=repeats_first)
    if step.gather is None or not parcels:
        return Batch(parcels)
    return _apart(_through(step.gather, parcels, [p.fact for p in parcels]))


def _deliver(step: Step, batch: Batch) -> None:
    failed = batch.failed
    if step.work is not None and batch.parcels:
        items = [p.outcome if step.gather else p.fact for p in batch.parcels]
        with _held(step, batch.parcels):
            batch = _apart(_through(step.work, batch.parcels, items))
        failed = failed + batch.failed
    failed = failed + _finish(step, batch.parcels)
    for parcel in failed:
        log.warning("delivery failed", handler=step.name, fact=parcel.fact, error=parcel.outcome)
        deadletters.put_back(parcel.delivery_id, parcel.token, error=parcel.outcome)


def _held(step: Step, parcels: Sequence[Parcel]) -> AbstractContextManager[None]:
    if not step.long:
        return nullcontext()
    return renewed([p.delivery_id for p in parcels], parcels[0].token, step.lease)


def _through(slow: Any, parcels: Sequence[Parcel], items: Sequence[Any]) -> list[Parcel]:
    """Put the items through the slow part; if the batch fails as one, then one by one."""
    try:
        outcomes = list(slow(items))
    except Exception as error:
        if len(parcels) == 1:
            return [parcels[0].with_outcome(error)]
        return [_through(slow, [p], [i])[0] for p, i in zip(parcels, items, strict=True)]
    return [p.with_outcome(o) for p, o in zip(parcels, outcomes, strict=True)]


def _apart(parcels: Sequence[Parcel]) -> Batch:
    failed = [p for p in parcels if isinstance(p.outcome, Exception)]
    return Batch([p for p in parcels if not isinstance(p.outcome, Exception)], failed)


def _finish(step: Step, parcels: Sequence[Parcel]) -> list[Parcel]:
    """Write what was found and mark it done, in one transaction. Returns those that failed."""
    if not parcels:
        return []
    try:
        with transaction.atomic():
            held = _sign(parcels)
            for parcel in parcels:
                if parcel.delivery_id in held:
                    _then(step, parcel)
    except Exception as error:
        if len(parcels) == 1:
            return [parcels[0].with_outcome(error)]
        return [failed for parcel in parcels for failed in _finish(step, [parcel])]
    if lost := len(parcels) - len(held):
        log.warning("lease lost, nothing written", handler=step.name, parcels=lost)
    return []


def _sign(parcels: Sequence[Parcel]) -> set[int]:
    """Mark done those deliveries that still bear my token; the rows stay locked to the commit."""
    with connection.cursor() as cursor:
        cursor.execute(_SIGN, [[p.delivery_id for p in parcels], parcels[0].token])
        return {pk for (pk,) in cursor.fetchall()}


def _then(step: Step, parcel: Parcel) -> None:
    if step.gather or step.work:
        step.then(parcel.fact, parcel.outcome)
    else:
        step.then(parcel.fact)
