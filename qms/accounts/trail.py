"""What signatures say, held against the events in which people signed."""

from collections.abc import Iterator
from typing import Any

from qms.accounts.models import Signature
from qms.events.models import Event
from qms.events.seal import Fault

_SAID = ("record", "meaning", "reason", "digest")


def faults() -> Iterator[Fault]:
    told = _told()
    for signature in Signature.objects.select_related("person").order_by("pk").iterator():
        said = told.pop(signature.pk, None)
        if said is None:
            yield Fault(None, "", f"signature {signature.pk} has no event")
        elif any(getattr(signature, name) != said[name] for name in _SAID):
            yield Fault(None, "", f"signature {signature.pk} says something else than its event")
        elif str(signature.person) != said["actor"]:
            yield Fault(None, "", f"signature {signature.pk} is under another name than its event")
    for pk in sorted(told):
        yield Fault(None, "", f"signature {pk} is gone, its event is there")


def _told() -> dict[int, dict[str, Any]]:
    """Signatures are few: people give their password for each."""
    events = Event.objects.filter(name="RecordSigned").order_by("id").iterator()
    return {
        event.payload["signature_id"]: {**event.payload, "actor": event.actor} for event in events
    }
