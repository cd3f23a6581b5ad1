"""The stream of the line board: server-sent events, as coroutines beside Django's threads.

While somebody listens, one task hears Postgres and looks every few seconds, reads the numbers once
in the board's one thread, and hands to each what changed for them. Nothing here touches the
database on the event loop.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from io import BytesIO
from types import FrameType
from typing import Any, TypeVar, cast

import psycopg2
import structlog
import uvicorn
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections, connections
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpResponse
from django.utils import timezone

from qms.reports import line
from qms.reports.tiles import tiles_of
from qms.web.board import Looker, person_of
from qms.web.ear import Ear, dial
from qms.web.frame import Frame, draw, event
from qms.web.protocol import Receive, Scope, Send

log = structlog.get_logger(__name__)

AT_MOST_EVERY = 1.0  # seconds between two looks at the numbers
TICK = 5.0  # without a call: what has settled calls nobody, and what is late does nothing at all
BEAT = 15.0  # so that proxies keep the line open, and a browser notices when it is cut
CHECK_EVERY = 10.0  # is the person still signed in?
PATIENCE = 10.0  # with a browser that does not take what is sent

AWAY = (OperationalError, InterfaceError, psycopg2.Error)
T = TypeVar("T")

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="board")


@dataclass(eq=False)
class Listener:
    """``seen`` are the versions of the tiles that were sent; None: nothing yet."""

    looker: Looker
    news: asyncio.Event = field(default_factory=asyncio.Event)
    seen: dict[str, str] | None = None


class Board:
    """All who listen in this process, and the one task that works for them."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._leaving = self._watching = False
        self._frame: Frame | None = None
        self._called = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response, looker = await _in_thread(partial(_ask_the_door, scope))
        if looker and (self._leaving or len(self._listeners) >= settings.BOARD_LISTENERS):
            response, looker = _full(), None
        await send(_start(response, streams=looker is not None))
        if looker is None:
            await send(_body(response.content, more=False))
            return
        await self._serve(Listener(looker), scope, receive, send)

    async def _serve(self, one: Listener, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the browser goes, the person signs out, the server stops or the data stay away."""
        self._join(one)
        ways_to_end = (self._talk(one, send), _guard(one.looker, scope), _until_gone(receive))
        tasks = [asyncio.create_task(way) for way in ways_to_end]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._part(one)
            for task in tasks:
                task.cancel()
        for fault in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(fault, Exception) and not isinstance(fault, (*AWAY, TimeoutError)):
                log.error("a stream of the line board failed", exc_info=fault)
        with suppress(TimeoutError):
            await _say(send, b"", more=False)

    def _join(self, one: Listener) -> None:
        self._listeners.add(one)
        if not self._watching:
            self._watching, self._called = True, asyncio.Event()
            self._task = asyncio.create_task(self._watch())
            _when_stopped(self._leave)
        self._called.set()

    def _part(self, one: Listener) -> None:
        self._listeners.discard(one)
        if not self._listeners:
            self._called.set()

    def _leave(self) -> None:
        """The server stops: let everybody go at once, and take nobody else."""
        self._leaving = True
        self._send_all_away()

    def _send_all_away(self) -> None:
        gone, self._listeners = self._listeners, set()
        for one in gone:
            one.news.set()
        self._called.set()

    async def _talk(self, one: Listener, send: Send) -> None:
        await _say(send, b"retry: 2000\n\n")
        while one in self._listeners:
            try:
                await asyncio.wait_for(one.news.wait(), BEAT)
            except TimeoutError:
                await _say(send, b": still here\n" + event("beat", timezone.now().isoformat()))
            one.news.clear()
            if self._frame and one.looker.reviewer in self._frame.kinds:
                words, one.seen = self._frame.said_to(one.looker, one.seen)
                await _say(send, words)

    async def _watch(self) -> None:
        """Look when called, a second later once more, and else at each tick."""
        ear = Ear(self._called.set)
        try:
            while self._listeners:
                called = self._called.is_set()
                self._called.clear()
                await self._look(ear)
                await asyncio.sleep(AT_MOST_EVERY)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._called.wait(), 0 if called else TICK)
        except AWAY as error:
            log.warning("the line board has no data", error=str(error).strip())
        except Exception:
            log.critical("the line board failed", exc_info=True)
        finally:
            self._watching, self._frame = False, None
            self._send_all_away()
            ear.close()
            await _in_thread(connections.close_all)

    async def _look(self, ear: Ear) -> None:
        if not ear.is_open:
            ear.open(await _in_thread(dial))
        kinds = {one.looker.reviewer for one in self._listeners}
        self._frame = await _in_thread(partial(_frame, kinds, self._frame))
        for one in self._listeners:
            one.news.set()


def _frame(kinds: set[bool], former: Frame | None) -> Frame:
    """The board as it is now; tiles that did not change are not drawn again."""
    now = timezone.now()
    readings = line.read(now=now)
    every = {kind: tiles_of(readings, now=now, reviewer=kind) for kind in kinds}
    return draw(every, former, now=now)


# --- who may listen ---


def _ask_the_door(scope: Scope) -> tuple[HttpResponse, Looker | None]:
    """Django's own answer with all its middleware; and as whom the stream goes on, if it does."""
    request = ASGIRequest(scope, BytesIO())
    response = cast(HttpResponse, _django().get_response(request))
    return response, Looker.of(request) if response.status_code == 200 else None


@cache
def _django() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware()
    return handler


async def _guard(looker: Looker, scope: Scope) -> None:
    """Ends once the person signed out, was shut out, or may see another board than before."""
    while True:
        await asyncio.sleep(CHECK_EVERY)
        if await _in_thread(partial(_looks_still, scope)) != looker:
            return


def _looks_still(scope: Scope) -> Looker | None:
    request = ASGIRequest(scope, BytesIO())
    for middleware in (SessionMiddleware, AuthenticationMiddleware):
        middleware(lambda _: HttpResponse()).process_request(request)
    return Looker.of(request) if person_of(request) else None


# --- the wire ---


def _start(response: HttpResponse, *, streams: bool) -> dict[str, Any]:
    """The head of Django's answer; the length of a stream is not known."""
    headers = [(name.lower(), value) for name, value in response.items()]
    headers += [("set-cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    raw = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if not (streams and name == "content-length")
    ]
    return {"type": "http.response.start", "status": response.status_code, "headers": raw}


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def _say(send: Send, data: bytes, *, more: bool = True) -> None:
    if data or not more:
        await asyncio.wait_for(send(_body(data, more=more)), PATIENCE)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _full() -> HttpResponse:
    response = HttpResponse("Too many listen already: ask for the tiles.", status=503)
    response["Retry-After"] = "60"
    response["Cache-Control"] = "no-store"
    return response


async def _in_thread(question: Callable[[], T]) -> T:
    """In the board's one thread, whose connection lasts as long as the database allows."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, partial(_asked, question))


def _asked(question: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return question()
    finally:
        close_old_connections()


# --- the end ---


def _when_stopped(leave: Callable[[], None]) -> None:
    """uvicorn waits for open streams and tells them nothing: hear the signal together with it."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        handler: Any = signal.getsignal(number)
        if isinstance(getattr(handler, "__self__", None), uvicorn.Server):
            signal.signal(number, partial(_stopped, loop, leave, handler))


def _stopped(
    loop: asyncio.AbstractEventLoop,
    leave: Callable[[], None],
    handler: Callable[[int, FrameType | None], None],
    number: int,
    frame: FrameType | None,
) -> None:
    loop.call_soon_threadsafe(leave)
    handler(number, frame)


BOARD = Board()
