"""The stream of the line board, from a whole house with its real server."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests import factories
from tests.factories import DEFECT
from tests.line import Line
from tests.running.processes import wait_for

pytestmark = pytest.mark.house
SECONDS = 20  # within which a push must come, on a machine that is busy with other tests


@pytest.fixture(scope="module")
def station(line: Line) -> str:
    words = "from qms.plant.actions import ensure_station; ensure_station('cam-live')"
    line.manage("shell", "-c", words)
    return "cam-live"


@pytest.fixture
def admin(line: Line) -> Iterator[httpx.Client]:
    """The first person of the house, signed in by the form."""
    with httpx.Client(base_url=f"http://127.0.0.1:{line.port}", timeout=SECONDS) as client:
        client.get("/sign-in/")
        words = {
            "username": "admin",
            "password": (line.var / "sign-in").read_text(),
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        assert client.post("/sign-in/", data=words).status_code == 302
        yield client


class Stream:
    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def event(self) -> tuple[str, str]:
        """The next event: its name and its data. StopIteration: the stream has ended."""
        name, data = "", []
        while True:
            line = next(self._lines)
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif not line and name:
                return name, "\n".join(data)

    def until(self, words: str) -> str:
        began = time.monotonic()
        while time.monotonic() - began < SECONDS:
            name, data = self.event()
            if words in data:
                return name
        raise AssertionError(f"not in the stream: {words}")

    def ends(self) -> bool:
        began = time.monotonic()
        try:
            while time.monotonic() - began < SECONDS:
                self.event()
        except StopIteration:
            return True
        return False


@contextmanager
def listening(client: httpx.Client, query: str = "") -> Iterator[Stream]:
    with client.stream("GET", f"/live/line{query}") as answer:
        assert answer.status_code == 200
        yield Stream(answer)


def test_a_picture_that_is_sent_appears_within_seconds(line, station, admin):
    with listening(admin) as stream, line.client() as camera:
        assert stream.event()[0] == "board"
        picture = factories.picture(DEFECT, seed=7001)
        sent = line.send(camera, picture, station=station, serial="LIVE-1").json()["id"]
        assert stream.until(f'data-picture="{sent}"') == "tiles"


def test_only_the_tile_that_changed_is_pushed(line, station, admin):
    line.manage("shell", "-c", "from qms.plant.actions import *; ensure_station('cam-still')")
    with listening(admin) as stream, line.client() as camera:
        assert "cam-still" in stream.event()[1]
        line.send(camera, factories.picture(seed=7002), station=station, serial="LIVE-2")
        name, data = stream.event()
        assert (name, "cam-still" in data, station in data) == ("tiles", False, True)


def test_a_facet_keeps_other_lines_out(line, station, admin):
    with listening(admin, "?line=nowhere") as stream:
        assert stream.event() == ("board", "")


def test_its_headers_are_those_of_every_page(line, station, admin):
    page = admin.get("/line/")
    with listening(admin) as stream:
        for name in (
            "content-security-policy",
            "x-frame-options",
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
        ):
            assert (
                re.sub("'nonce-.*?'", "", page.headers[name]).strip() in stream.answer.headers[name]
            )
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in stream.answer.headers


@pytest.mark.parametrize("cookie", [None, "made-up"])
def test_without_a_session_nothing_is_sent(line, cookie):
    cookies = {"sessionid": cookie} if cookie else None
    answer = httpx.get(f"http://127.0.0.1:{line.port}/live/line", cookies=cookies)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/sign-in/")
    assert answer.text == ""


def test_only_get_is_served(line, admin):
    assert admin.put("/live/line").status_code in (403, 405)


def test_signing_out_ends_the_stream(line, station, admin):
    with listening(admin) as stream:
        stream.event()
        words = {"csrfmiddlewaretoken": admin.cookies["csrftoken"]}
        assert admin.post("/sign-out/", data=words).status_code == 302
        assert stream.ends()


def test_who_goes_is_forgotten_and_the_last_one_closes_the_ear(line, station, admin):
    def ears() -> int:
        return line.count("SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN andon_work'")

    before = ears()
    with listening(admin) as stream:
        stream.event()
        assert ears() == before + 1
    wait_for(lambda: ears() == before, what="the ear to close")


def test_a_stream_outlives_the_loss_of_its_connections(line, station, admin):
    with listening(admin) as stream, line.client() as camera:
        stream.event()
        line.cut_connections()
        wait_for(lambda: _answers(line, "/readyz"), seconds=60, what="the house to be ready")
        sent = line.send(camera, factories.picture(seed=7003), station=station).json()["id"]
        stream.until(f'data-picture="{sent}"')


def test_the_server_stops_at_once_with_an_open_stream(line, station, admin):
    web = line.process("uvicorn")
    with listening(admin) as stream:
        stream.event()
        web.terminate()
        assert stream.ends()
        gone, _ = psutil.wait_procs([web], timeout=10)
        assert gone == [web]
    wait_for(lambda: _answers(line), seconds=60, what="the server to be back")
    assert "Traceback" not in (line.var / "log" / "web.log").read_text()


def _answers(line: Line, path: str = "/healthz") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{line.port}{path}").status_code == 200
    except httpx.HTTPError:
        return False
