"""The post office and the clock."""

from dataclasses import dataclass
from typing import Any

from qms.events.catalogue.event import Event


@dataclass(frozen=True, kw_only=True)
class DeliveryDied(Event):
    """A fact could not be brought to a handler: it stands among the dead letters."""

    delivery_id: int
    name: str
    payload: dict[str, Any]
    handler: str
    error: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRevived(Event):
    delivery_id: int
    handler: str


@dataclass(frozen=True, kw_only=True)
class HourStruck(Event):
    """Time is an event like any other, so what happens by the clock is in the flow too."""

    hour: str
