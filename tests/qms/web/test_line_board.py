"""The pages of the line board, and what the stream says to whom."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from qms.accounts.roles import Role
from qms.partitions import new_key
from qms.plant import actions as plant
from qms.plant.models import Line, Site, Station
from qms.reports.rates import Estimate
from qms.reports.tiles import Picture, Tile
from qms.web import live
from qms.web.board import Looker
from qms.web.frame import draw, event
from qms.web.templatetags.line import sparkline
from tests import factories
from tests.factories import DEFECT, NORMAL


@pytest.fixture
def cam(db) -> Station:
    return plant.ensure_station("cam-1")


def text_of(client: Client, address: str = "/line/") -> str:
    return client.get(address).content.decode()


# --- pages ---


def test_a_tile_tells_what_its_station_does(sign_in, judged, cam):
    Station.objects.update(takt_seconds=60)
    judged(DEFECT, station=cam, serial="SN-7")
    page = text_of(sign_in("manager"))
    for words in ("cam-1", "Running", "Not OK", "SN-7", "1/h, takt allows 60", "Version 1"):
        assert words in page
    assert "0.0 %" in page
    assert "1 waits" in page


STATES = [("DRAINING", "drain", "Draining"), ("PAUSED", "pause", "Paused")]


@pytest.mark.parametrize(("status", "drawing", "word"), STATES)
def test_a_state_has_an_icon_and_a_word(sign_in, cam, status, drawing, word):
    plant.move_station(cam, status, by="ada", now=timezone.now())
    page = text_of(sign_in("manager"))
    assert re.search(rf"icons.svg#{drawing}\"/></svg>{word}", page)


def test_badges_name_what_is_wrong(sign_in, judged, cam):
    now = timezone.now()
    for minutes in (20, 19, 18):
        at = now - timedelta(minutes=minutes)
        judged(DEFECT, station=cam, seed=minutes, now=at, captured_at=at - timedelta(seconds=90))
    page = text_of(sign_in("manager"))
    for words in ("Not OK ×3 in a row", "Late", "Clock off by 1 min"):
        assert words in page


def test_who_may_look_blind_reads_hidden_where_others_read_the_answer(sign_in, audited, cam):
    audited(station=cam)
    for client, hidden in ((sign_in("inspector"), True), (sign_in("auditor"), False)):
        for address in ("/line/", "/line/?wall=1", "/line/tiles/"):
            page = text_of(client, address)
            assert ("Hidden" in page, "badge-ok" in page) == (hidden, not hidden)


def test_facets_choose_the_line_and_stay_in_the_address_of_the_stream(sign_in, cam):
    other = Line.objects.create(site=Site.objects.create(code="graz"), code="9")
    Station.objects.create(line=other, code="cam-9")
    client = sign_in("manager")
    assert {"cam-1", "cam-9"} == codes(client, "/line/")
    assert {"cam-9"} == codes(client, "/line/?site=graz")
    assert {"cam-1"} == codes(client, "/line/tiles/?line=1")
    page = text_of(client, "/line/?line=9&wall=1")
    assert 'data-stream="/live/line?line=9"' in page
    assert 'data-tiles="/line/tiles/?line=9"' in page


def codes(client: Client, address: str) -> set[str]:
    return {one.code for one in client.get(address).context["tiles"]}


def test_an_empty_board_says_what_to_do(sign_in, db):
    client = sign_in("manager")
    assert "No station is set up yet" in text_of(client)
    plant.ensure_station("cam-1")
    assert "See all stations" in text_of(client, "/line/?line=none")


def test_the_wall_has_no_navigation_and_is_dark_unless_the_person_chose(sign_in, cam):
    client = sign_in("manager")
    page = text_of(client, "/line/?wall=1")
    assert 'data-theme="dark"' in page
    assert "<nav" not in page
    client.cookies["theme"] = "light"
    assert 'data-theme="light"' in text_of(client, "/line/?wall=1")


def test_the_number_of_stations_does_not_change_the_number_of_questions(
    sign_in, judged, django_assert_max_num_queries
):
    for n in range(5):
        judged(NORMAL, station=plant.ensure_station(f"cam-{n}"), seed=n)
    client = sign_in("inspector")
    with django_assert_max_num_queries(16):  # with the session, the person, the roles, the facets
        client.get("/line/")


def test_where_the_server_pushes_nothing_the_browser_is_told_not_to_try_again(sign_in, cam):
    assert sign_in("manager").get("/live/line").status_code == 204


# --- what is news ---


def tile(key: str, parts: int = 0, line: str = "1") -> Tile:
    now = timezone.now()
    picture = Picture(new_key(), "tile", "", now, "OK")
    return Tile(
        key=key, code=key, name="", site="main", line=line, status="RUNNING", picture=picture,
        fpy=Estimate(None, 0, 1, 0), buckets=(None,) * 12, parts=parts, allowed=None, waiting=0,
        waiting_since=None, reviews=0, reviews_since=None, model=None, late=False, skew=None, run=0,
    )  # fmt: skip


def test_whoever_comes_is_told_all_and_then_only_what_changed():
    now, looker = timezone.now(), Looker(reviewer=False)
    first = [tile("a"), tile("b")]
    frame = draw({False: first}, None, now=now)
    words, seen = frame.said_to(looker, None)
    assert words.startswith(b"event: board")
    assert frame.said_to(looker, seen)[0] == b""
    later = draw({False: [first[0], tile("b", parts=1)]}, frame, now=now)
    words, seen = later.said_to(looker, seen)
    assert words.startswith(b"event: tiles")
    assert (b"tile-b" in words, b"tile-a" in words) == (True, False)
    assert later.kinds[False][0] is frame.kinds[False][0]
    words, _ = draw({False: first[:1]}, later, now=now).said_to(looker, seen)
    assert words.startswith(b"event: board")


def test_each_is_told_of_their_own_line():
    frame = draw({False: [tile("a"), tile("b", line="2")]}, None, now=timezone.now())
    words, seen = frame.said_to(Looker(reviewer=False, line="2"), None)
    assert list(seen) == ["b"]
    assert b"tile-a" not in words


@given(st.text())
def test_an_event_gives_back_its_data_line_by_line(text):
    *lines, blank, end = event("tiles", text).decode().split("\n")
    assert (lines[0], blank, end) == ("event: tiles", "", "")
    assert [line.removeprefix("data: ") for line in lines[1:]] == (text.splitlines() or [""])


@given(st.lists(st.none() | st.floats(0, 1), min_size=12, max_size=12))
def test_a_sparkline_lifts_its_pen_over_each_gap(buckets):
    drawn = sparkline(buckets)
    begins = [
        here
        for here, before in zip(buckets, [None, *buckets], strict=False)
        if here is not None and before is None
    ]
    assert drawn["path"].count("M") == len(begins)
    assert drawn["dots"].count("M") == sum(one is not None for one in buckets)


# --- who may listen ---


@pytest.fixture
def board(transactional_db, settings) -> Iterator[live.Board]:
    """A board of its own, for one listener; its thread keeps no connection afterwards."""
    settings.BOARD_LISTENERS = 1
    for role in Role:
        Group.objects.get_or_create(name=role)
    yield live.Board()
    closed: Future[None] = live._THREAD.submit(connections.close_all)
    closed.result()


class Browser:
    """Speaks ASGI to a board in this very loop."""

    def __init__(self, board: live.Board, client: Client) -> None:
        self.said: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        cookie = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/live/line",
            "query_string": b"",
            "headers": [(b"cookie", cookie.encode()), (b"host", b"testserver")],
        }
        self.task = asyncio.create_task(board(scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.said.append(message)

    async def has(self, wanted: Callable[["Browser"], bool]) -> None:
        async with asyncio.timeout(20):
            while not wanted(self):
                await asyncio.sleep(0.02)

    @property
    def status(self) -> int:
        return int(self.said[0]["status"])

    @property
    def text(self) -> bytes:
        return b"".join(one.get("body", b"") for one in self.said)


def told(browser: Browser) -> bool:
    return b"event: board" in browser.text


def test_beyond_its_limit_the_server_sends_browsers_to_ask(board, sign_in):
    client = sign_in("manager")

    async def two() -> None:
        first = Browser(board, client)
        await first.has(told)
        second = Browser(board, client)
        await second.task
        assert second.status == 503
        first.gone.set()
        await first.task
        third = Browser(board, client)
        await third.has(told)
        third.gone.set()
        await third.task
        assert (first.status, third.status) == (200, 200)

    asyncio.run(two())


def test_whoever_loses_their_roles_is_told_nothing_more(board, sign_in):
    client = sign_in("manager")

    async def shut_out() -> None:
        browser = Browser(board, client)
        await browser.has(told)
        await asyncio.to_thread(_forget_roles)
        async with asyncio.timeout(20):
            await browser.task
        assert browser.said[-1]["more_body"] is False

    asyncio.run(shut_out())


def _forget_roles() -> None:
    try:
        factories.person("manager").groups.clear()
    finally:
        connections.close_all()


def test_a_house_that_stops_takes_no_listener(board, sign_in):
    client = sign_in("manager")

    async def stop() -> None:
        first = Browser(board, client)
        await first.has(told)
        board._leave()
        await first.task
        late = Browser(board, client)
        await late.task
        assert (first.said[-1]["more_body"], late.status) == (False, 503)

    asyncio.run(stop())
