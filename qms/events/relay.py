"""Between Postgres and the doorbell: hears NOTIFY, rings Celery, and looks every second.

The relay holds nothing: kill it, start two, it makes no difference but a second. Whoever is
allowed to lose messages (Redis, this process) never holds the work.
"""

import select
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import psycopg2
import structlog
from django.db import connection, connections
from django.db.models import Count
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerGone

from qms.celery import ring
from qms.events import clock, deadletters, seal, witness
from qms.events.models import ChainHead, unfinished
from qms.events.outbox import CHANNEL, step_named, sweep

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds
GATHER_RINGS = 0.01  # seconds in which several calls become one ring
WITNESS_EVENTS, WITNESS_SECONDS = 500, 60.0  # that many or that long without a witness, no more
MOST_RINGS = 8  # per handler and look: enough to wake every worker of a busy queue


class Relay:
    def __init__(self) -> None:
        self._ear: Any = None
        self._next_look = 0.0
        self._witnessed, self._next_witness = 0, 0.0

    def run(self) -> None:
        """For ever. Without Postgres or without the broker: wait, and try again."""
        while True:
            try:
                self.turn()
            except (OperationalError, InterfaceError, psycopg2.Error) as error:
                log.warning("database gone, trying again", error=str(error).strip())
                self._forget()
                time.sleep(0.5)

    def turn(self) -> None:
        """Wait for a call or for the next look, then ring."""
        called = self._listen(max(0.0, self._next_look - time.monotonic()))
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY
            look_round()
            _apart(self.leave_witness)
            ring_all(self._due())
        else:
            ring_all((handler, 1) for handler in called)

    def leave_witness(self) -> None:
        """While events flow: after so many, or after a minute, whichever is first."""
        number = ChainHead.objects.values_list("number", flat=True).first() or 0
        fresh = number - self._witnessed
        if fresh >= WITNESS_EVENTS or (fresh and time.monotonic() >= self._next_witness):
            self._witnessed = number
            self._next_witness = time.monotonic() + WITNESS_SECONDS
            witness.leave(now=timezone.now())

    def _listen(self, seconds: float) -> set[str]:
        ear = self._ear or self._open_ear()
        if not select.select([ear], [], [], seconds)[0]:
            return set()
        time.sleep(GATHER_RINGS)
        ear.poll()
        called = {notice.payload for notice in ear.notifies}
        ear.notifies.clear()
        return called

    def _open_ear(self) -> Any:
        self._ear = psycopg2.connect(**connection.get_connection_params())
        self._ear.autocommit = True
        with self._ear.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self._next_look = 0.0  # what was said while nobody listened
        return self._ear

    def _forget(self) -> None:
        self._ear = None
        connections.close_all()

    @staticmethod
    def _due() -> list[tuple[str, int]]:
        due = unfinished().filter(due_at__lte=timezone.now())
        return list(due.values_list("handler").annotate(n=Count("pk")).order_by("handler"))


def look_round() -> None:
    """What is done every second: bury the worn out, strike the hour, sweep, seal the trail."""
    now = timezone.now()
    _apart(lambda: deadletters.bury_worn_out(now=now))
    _apart(lambda: clock.strike(now=now))
    for duty in sweep():
        _apart(partial(duty, now=now))
    _apart(seal.seal)


def _apart(duty: Callable[[], object]) -> None:
    """One duty that fails does not stop the others; without the database there are none."""
    try:
        duty()
    except (OperationalError, InterfaceError, psycopg2.Error):
        raise
    except Exception:
        log.critical("a duty of the relay failed", exc_info=True)


def ring_all(due: Iterable[tuple[str, int]]) -> None:
    """Ring once for each full batch. A silent broker costs time; the work stands in Postgres."""
    for handler, count in due:
        try:
            step = step_named(handler)
        except LookupError as error:
            log.error("work for nobody", error=str(error), deliveries=count)
            continue
        try:
            for _ in range(min(MOST_RINGS, -(-count // step.batch))):
                ring(handler, queue=step.queue)
        except BrokerGone as error:
            log.warning("broker gone, trying again", error=str(error).strip())
            return
