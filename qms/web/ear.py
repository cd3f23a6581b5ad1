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

    @property
    def is_open(self) -> bool:
        return self._link is not None

    def open(self, link: Any) -> None:
        """Begin to hear by a connection that ``dial`` made."""
        self._link = link
        asyncio.get_running_loop().add_reader(link.fileno(), self._hear)

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            asyncio.get_running_loop().remove_reader(link.fileno())
            link.close()

    def _hear(self) -> None:
        try:
            self._link.poll()
        except psycopg2.Error as error:
            log.warning("the line board hears nothing", error=str(error).strip())
            self._deafen()
            return
        self._link.notifies.clear()
        self._called()

    def _deafen(self) -> None:
        """The link is dead, and its descriptor may be another's already."""
        self._called()
        self.close()


def dial() -> Any:
    """A connection that listens. Takes its time: not for the event loop."""
    link = psycopg2.connect(**connection.get_connection_params())
    link.autocommit = True
    with link.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    return link
