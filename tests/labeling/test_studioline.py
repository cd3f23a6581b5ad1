"""The line to Label Studio, against a server that answers as it is told to."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from labeling.studio import Studio, StudioDown, StudioRefused, StudioToken

PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVk"


class Server(ThreadingHTTPServer):
    """Gives the answers in turn; the last one for ever. None: the line is cut."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any] | None] = []
        self.asked: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        shown = self.headers.get("authorization", "")
        self.server.asked.append((self.command, self.path, shown))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            self.close_connection = True
            return
        status, told = answer
        body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def access(number: int, seconds: int) -> dict[str, str]:
    """An access token that lives so long, issued by a clock that is years off."""
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 5, "exp": 5 + seconds}).encode())
    return {"access": f"a{number}.{claims.decode().rstrip('=')}.s"}


def shown(server: Server) -> list[str]:
    return [header.partition(".")[0] for _, path, header in server.asked if "refresh" not in path]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_an_unwell_server_is_for_later_and_asked_once(server, status):
    server.answers = [(status, {"detail": "out of memory"})]
    with Studio(server.url, "t") as studio, pytest.raises(StudioDown, match="out of memory"):
        studio.import_tasks(1, [{}])
    assert len(server.asked) == 1


def test_a_cut_line_is_for_later_and_nothing_is_sent_twice(server):
    server.answers = [None]
    with Studio(server.url, "t") as studio, pytest.raises(StudioDown, match="does not answer"):
        studio.import_tasks(1, [{}])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"detail": "No Project matches."}, "No Project matches."),
        (
            {"detail": "Validation error", "validation_errors": {"title": ["Too short."]}},
            "title: Too",
        ),
        ({"validation_errors": {"tasks": [{"0": ["bad"]}, {"1": ["worse"]}]}}, "tasks: 1: worse"),
        (["no"], "no"),
        ("<html>", "it answered 400 to /api/version/"),
    ],
)
def test_a_refusal_is_told_in_its_own_words(server, told, sentence):
    server.answers = [(400, told)]
    with Studio(server.url, "t") as studio, pytest.raises(StudioRefused, match=sentence) as refusal:
        studio.version()
    assert refusal.value.status == 400


def test_what_is_not_label_studio_is_named(server):
    server.answers = [(200, "<html>Welcome to the coffee machine</html>")]
    with (
        Studio(server.url, "t") as studio,
        pytest.raises(StudioRefused, match="is not Label Studio"),
    ):
        studio.version()


def test_no_token_is_a_sentence_and_asks_nothing(server):
    with Studio(server.url, " ") as studio, pytest.raises(StudioToken, match="There is no token"):
        studio.version()
    assert server.asked == []


def test_a_cut_off_personal_token_is_told_as_such(server):
    cut = PERSONAL.rpartition(".")[0]
    with Studio(server.url, cut) as studio, pytest.raises(StudioToken, match="cut off"):
        studio.version()
    assert server.asked == []


def test_a_personal_token_buys_one_access_token_for_many_calls(server):
    server.answers = [(200, access(1, 300)), (200, {"release": "1.23.2"})]
    with Studio(server.url, PERSONAL) as studio:
        assert [studio.version() for _ in range(3)] == ["1.23.2"] * 3
    assert shown(server) == ["Bearer a1"] * 3


def test_an_access_token_is_renewed_before_it_ends(server):
    version = (200, {"release": "1.23.2"})
    server.answers = [(200, access(1, 20)), version, (200, access(2, 300)), version]
    with Studio(server.url, PERSONAL) as studio:
        studio.version()
        studio.version()
    assert shown(server) == ["Bearer a1", "Bearer a2"]


def test_an_access_token_that_ran_out_early_is_renewed_once(server):
    version, ran_out = (200, {"release": "1.23.2"}), (401, {"detail": "Token is expired"})
    server.answers = [(200, access(1, 300)), version, ran_out, (200, access(2, 300)), version]
    with Studio(server.url, PERSONAL) as studio:
        studio.version()
        assert studio.version() == "1.23.2"
    assert shown(server) == ["Bearer a1", "Bearer a1", "Bearer a2"]


def test_a_fresh_access_token_that_is_refused_is_not_tried_again(server):
    server.answers = [(200, access(1, 300)), (401, {"detail": "User is inactive"})]
    with Studio(server.url, PERSONAL) as studio, pytest.raises(StudioToken, match="inactive"):
        studio.version()
    assert shown(server) == ["Bearer a1"]
