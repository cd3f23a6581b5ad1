"""Time as an event: the hour strikes once, however many relays run."""

from datetime import datetime

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.utils import InterfaceError, OperationalError

from qms.events import catalogue, outbox
from qms.events.models import Event
from qms.partitions import ensure_all, key_at

log = structlog.get_logger(__name__)


def strike(*, now: datetime) -> bool:
    """Publish HourStruck for this hour, if nobody has. The key of the event is the hour's own."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = key_at(hour, "HourStruck")
    if Event.objects.filter(pk=key).exists():
        return False
    _make_room(now)
    try:
        with transaction.atomic():
            outbox.publish(catalogue.HourStruck(hour=f"{hour:%Y-%m-%dT%H}"), now=now, key=key)
    except IntegrityError:  # another relay struck it between our look and our blow
        return False
    return True


def _make_room(now: datetime) -> None:
    """Slices before the event: in the DEFAULT slice it would stand in their way."""
    try:
        ensure_all(now=now)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:  # the hour strikes all the same; keep_house says what is wrong
        log.exception("no slices for the months to come")
