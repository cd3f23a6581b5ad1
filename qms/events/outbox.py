"""Publish facts: the writing side of the post office."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from qms.events import catalogue
from qms.events.models import Delivery, Event
from qms.partitions import new_key

CHANNEL = "andon_work"
SYSTEM = "andon"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the flow: who acts on an event, and how.

    ``then`` is quick and writes: it runs in the transaction that marks the delivery done. What is
    slow stands before it and holds no transaction: ``gather`` (disk, S3, HTTP) runs in a thread
    while the batch before it is at ``work`` (the model). Each takes the batch and answers with one
    outcome per item, in order; an exception as an outcome fails that item alone. ``then`` gets the
    fact, and the outcome of the slow part where there is one.

    ``only`` says of which facts it is to hear; the others cost no delivery. It looks at the fact and
    at the settings alone, for it runs in the request.

    ``long`` work takes minutes or hours: its lease is renewed while it is under way, and nothing
    is claimed ahead of it that another worker could begin.
    """

    then: Callable[..., None]
    gather: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    work: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    queue: str = "default"
    batch: int = 16
    within: timedelta | None = None  # the lease; settings.LEASE where none is named
    long: bool = False
    only: Callable[[Any], bool] | None = None

    def hears(self, event: catalogue.Event) -> bool:
        return self.only is None or self.only(event)

    @property
    def name(self) -> str:
        """qms.review.handlers.triage_verdict -> review.triage_verdict."""
        room = self.then.__module__.split(".")[1]
        return f"{room}.{self.then.__qualname__}"

    @property
    def lease(self) -> timedelta:
        return self.within or settings.LEASE


Flow = dict[type[catalogue.Event], list[Step]]
Duty = Callable[..., object]  # what the relay does at each look; takes ``now``


def publish(
    event: catalogue.Event, *, now: datetime, actor: str = SYSTEM, key: UUID | None = None
) -> Event:
    """Write the fact and its deliveries beside the change that made it true.

    The request never talks to a broker: the insert of a delivery calls the relay by NOTIFY.
    Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs in the transaction that made the fact true")
    row = Event.objects.create(
        id=key or new_key(),
        name=type(event).__name__,
        payload=asdict(event),
        actor=actor,
        subject=getattr(event, "inspection_id", None),
        occurred_at=now,
    )
    steps = [step for step in flow().get(type(event), []) if step.hears(event)]
    Delivery.objects.bulk_create(
        [Delivery(event=row, handler=s.name, due_at=now, owed_since=now) for s in steps]
    )
    return row


def flow() -> Flow:
    found: Flow = import_string(settings.EVENT_FLOW)
    return found


def long_handlers() -> list[str]:
    """Those whose work takes as long as it takes: an old delivery of theirs is no alarm."""
    return [step.name for steps in flow().values() for step in steps if step.long]


def sweep() -> list[Duty]:
    found: list[Duty] = import_string(settings.EVENT_SWEEP)
    return found


@cache
def step_named(name: str) -> Step:
    """The line of the flow with this name. LookupError: an older release had it."""
    for steps in flow().values():
        for step in steps:
            if step.name == name:
                return step
    raise LookupError(f"no line of the flow is called {name}")
