"""Hears Postgres call, on the event loop of the live pages."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg2
import structlog
from django.db import connection

from qms.events.outbox import CHANNEL

log = structlog.get_logger(__name__)


class Ear:
    """A connection of its own that LISTENs. It is deaf while the database is away."""

    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self._link: Any = None
        self._descriptor = -1  # a link that died no longer tells its own

    @property
    def is_open(self) -> bool:
        return self._link is not None

    def open(self, link: Any) -> None:
        """Begin to hear by a connection that ``dial`` made."""
        self._link, self._descriptor = link, link.fileno()
        asyncio.get_running_loop().add_reader(self._descriptor, self._hear)

    def close(self) -> None:
        if self._link is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._link.close()
            self._link = None

    def _hear(self) -> None:
        try:
            self._link.poll()
            self._link.notifies.clear()
        except psycopg2.Error as error:
            log.warning("the line board must listen anew", error=str(error).strip())
            self.close()
        self._called()


def dial() -> Any:
    """A connection that listens. Takes its time: not for the event loop."""
    link = psycopg2.connect(**connection.get_connection_params())
    link.autocommit = True
    with link.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    return link
