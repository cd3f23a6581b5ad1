"""Time as an event: the hour strikes once, however many relays run."""

from datetime import datetime

from django.db import IntegrityError, transaction

from qms.events import catalogue, outbox
from qms.events.models import Event
from qms.partitions import key_at


def strike(*, now: datetime) -> bool:
    """Publish HourStruck for this hour, if nobody has. The key of the event is the hour's own."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = key_at(hour, "HourStruck")
    if Event.objects.filter(pk=key).exists():
        return False
    try:
        with transaction.atomic():
            outbox.publish(catalogue.HourStruck(hour=f"{hour:%Y-%m-%dT%H}"), now=now, key=key)
    except IntegrityError:  # another relay struck it between our look and our blow
        return False
    return True
