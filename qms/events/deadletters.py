"""What could not be delivered: put back to try again, buried after too many tries, revived."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from qms.events import catalogue, outbox
from qms.events.models import Delivery, Event, unfinished
from qms.lifecycle import Refused

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
_LONGEST_WAIT = timedelta(minutes=5)
_KEPT_DONE = timedelta(days=30)


class Hopeless(Exception):
    """No further try can help: the message is the one sentence that says why."""


@transaction.atomic
def put_back(delivery_id: int, token: UUID, *, error: Exception) -> None:
    """Let go of a delivery that failed: due again after a growing wait, or dead after 8 tries.

    Dead at once if it is Hopeless.
    """
    hopeless = isinstance(error, Hopeless)
    mine = unfinished().select_for_update().filter(pk=delivery_id, token=token)
    for delivery in mine:
        delivery.error = str(error) if hopeless else f"{type(error).__name__}: {error}"
        delivery.token = None
        if hopeless or delivery.attempts >= MAX_ATTEMPTS:
            _bury(delivery, now=timezone.now())
        else:
            delivery.due_at = timezone.now() + wait_after(delivery.attempts)
            delivery.save(update_fields=["error", "token", "due_at"])


def wait_after(attempts: int) -> timedelta:
    """2 s, 4 s, 8 s ... up to five minutes."""
    return min(timedelta(seconds=2**attempts), _LONGEST_WAIT)


@transaction.atomic
def bury_worn_out(*, now: datetime) -> int:
    """Bury what was claimed too often without a word: its workers died of it."""
    worn = unfinished().filter(attempts__gte=MAX_ATTEMPTS, due_at__lte=now)
    rows = list(worn.select_for_update(skip_locked=True)[:100])
    for delivery in rows:
        delivery.error = delivery.error or "The worker died or hung each time it tried this."
        _bury(delivery, now=now)
    return len(rows)


@transaction.atomic
def revive(delivery: Delivery, *, now: datetime, actor: str) -> None:
    """Try a dead letter again, with its attempts counted anew. Refused if it is not dead."""
    dead = Delivery.objects.filter(pk=delivery.pk, dead_at__isnull=False)
    if not dead.update(dead_at=None, due_at=now, owed_since=now, attempts=0, token=None):
        raise Refused("This delivery is not among the dead letters.")
    outbox.publish(
        catalogue.DeliveryRevived(delivery_id=delivery.pk, handler=delivery.handler),
        now=now,
        actor=actor,
    )


def waiting() -> int:
    return Delivery.objects.filter(dead_at__isnull=False).count()


def prune(*, now: datetime) -> int:
    """Forget deliveries that were done long ago; the events themselves stay."""
    rows, _ = Delivery.objects.filter(done_at__lt=now - _KEPT_DONE).delete()
    return rows


def _bury(delivery: Delivery, *, now: datetime) -> None:
    """The alarm is an event too: the flow says who hears it."""
    delivery.dead_at, delivery.token = now, None
    delivery.save(update_fields=["dead_at", "token", "error"])
    event: Event = delivery.event
    log.critical("dead letter", handler=delivery.handler, event_id=event.pk, error=delivery.error)
    outbox.publish(
        catalogue.DeliveryDied(
            delivery_id=delivery.pk,
            name=event.name,
            payload=event.payload,
            handler=delivery.handler,
            error=delivery.error,
        ),
        now=now,
    )
