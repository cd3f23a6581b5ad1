"""A lease that is renewed while long work is under way.

The work of minutes and hours has a short lease all the same, so that it comes again soon after its
worker died: a thread of the worker moves the lease on, and dies or stands still with it. Where the
token is another one by now, nothing is moved: the fence is the courier's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, connections
from django.db.utils import DatabaseError, InterfaceError

log = structlog.get_logger(__name__)

_RENEW = """
    UPDATE events_delivery SET due_at = statement_timestamp() + %(lease)s
     WHERE id = ANY(%(ids)s) AND token = %(token)s AND done_at IS NULL AND dead_at IS NULL
"""


@contextmanager
def renewed(deliveries: list[int], token: UUID, lease: timedelta) -> Iterator[None]:
    """Three times a lease, until the block ends."""
    over = threading.Event()
    words = (over, deliveries, token, lease)
    thread = threading.Thread(target=_keep, args=words, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep(over: threading.Event, deliveries: list[int], token: UUID, lease: timedelta) -> None:
    while not over.wait(lease.total_seconds() / 3):
        try:
            renew(deliveries, token, lease)
        except (DatabaseError, InterfaceError) as error:  # the next round may reach it again
            log.warning("lease not renewed, trying again", error=str(error).strip())
            connection.close()
    connections.close_all()  # a thread has a connection of its own


def renew(deliveries: list[int], token: UUID, lease: timedelta) -> int:
    """Move the lease on from now. Returns how many were still held under this token."""
    values: dict[str, Any] = {"lease": lease, "ids": deliveries, "token": token}
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, values)
        return int(cursor.rowcount)
