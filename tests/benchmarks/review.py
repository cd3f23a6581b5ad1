"""make bench-review: pages before a long queue, and many people before the same parts."""

import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import httpx

from qms import embedded
from tests import pictures
from tests.benchmarks.report import Report
from tests.line import Line

SETTLED, DECIDED, WAITING = 75_000, 20_000, 5_000
REVIEWERS, PARTS, ROUNDS = 8, 1_000, 100
MOST_MS, MOST_QUERIES = 100, 12


def main() -> None:
    report = Report("review")
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as name, Line.start(Path(name)) as line:
        line.enrol_stub()
        _first_picture(line)
        os.environ["DATABASE_URL"] = embedded.database_url(line.var)
        os.environ["ANDON_VAR"] = str(line.var)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qms.settings")
        django.setup()
        measure(report, line)
    report.show()


def measure(report: Report, line: Line) -> None:
    from tests.benchmarks import manylooks  # only once Django knows its database

    people = manylooks.people(REVIEWERS)
    say(f"{REVIEWERS} reviewers for {PARTS} parts")
    manylooks.fill(settled=0, decided=0, waiting=PARTS, by=people)
    race(report, line)
    say("a house with a past")
    manylooks.fill(settled=SETTLED, decided=DECIDED, waiting=WAITING, by=people)
    pages(report, line)
    queries(report)


def race(report: Report, line: Line) -> None:
    """Each takes and decides until nothing waits. Every part once, by one person."""
    answers: Counter[str] = Counter()
    started = time.perf_counter()
    threads = [threading.Thread(target=work, args=(line, n, answers)) for n in range(REVIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.at_least("race_decisions_per_second", PARTS / (time.perf_counter() - started))
    decided = line.count("SELECT count(*) FROM review_review WHERE status = 'DECIDED'")
    told = line.sql(
        "SELECT payload->>'review_id', count(*) FROM events_event"
        " WHERE name = 'ReviewDecided' GROUP BY 1"
    )
    report.at_most("race_decided_twice", sum(times > 1 for _, times in told), 0)
    report.at_most("race_lost", PARTS - decided, 0)
    report.at_most("race_answers_without_an_effect", answers.total() - decided, 0)


def work(line: Line, number: int, answers: Counter[str]) -> None:
    with signed_in(line, f"p{number}") as client:
        place = client.post("/review/next/").headers["Location"]
        while place != "/review/":
            place = client.post(f"{place}decide/", data={"decision": "OK"}).headers["Location"]
            answers[f"p{number}"] += 1


def pages(report: Report, line: Line) -> None:
    with signed_in(line, "p0") as client:
        queue = timed(lambda _: client.get("/review/"))
        report.at_most("queue_p95_ms", queue, MOST_MS)
        report.at_most("line_board_p95_ms", timed(lambda _: client.get("/line/tiles/")), MOST_MS)
        place = client.post("/review/next/").headers["Location"]
        report.at_most("part_p95_ms", timed(lambda _: client.get(place)), MOST_MS)

        def decide(present: str) -> httpx.Response:
            return client.post(f"{present}decide/", data={"decision": "OK"})

        report.at_most("decide_and_take_next_p95_ms", timed(decide, place), MOST_MS)


def timed(ask: Callable[[str], httpx.Response], place: str = "") -> float:
    """p95 in milliseconds; each answer's Location is handed to the next call."""
    times = []
    for turn in range(ROUNDS + 5):
        started = time.perf_counter()
        answer = ask(place)
        if turn >= 5:  # the first ones warm what is cold only once
            times.append(1000 * (time.perf_counter() - started))
        assert answer.status_code < 400, answer.text
        place = answer.headers.get("Location", place)
    return statistics.quantiles(times, n=20)[-1]


def queries(report: Report) -> None:
    """How many questions each answer asks of the database."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from qms.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="p1"))

    def count(ask: Callable[[], Any]) -> tuple[int, Any]:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = ask()
        return len(asked), answer

    report.at_most("queue_queries", count(lambda: client.get("/review/"))[0], MOST_QUERIES)
    number, answer = count(lambda: client.post("/review/next/"))
    report.at_most("take_next_queries", number, MOST_QUERIES)
    number, _ = count(lambda: client.get(answer["Location"]))
    report.at_most("part_queries", number, MOST_QUERIES)


@contextmanager
def signed_in(line: Line, name: str) -> Iterator[httpx.Client]:
    """A browser of this person, as far as a server can tell."""
    with httpx.Client(base_url=f"http://127.0.0.1:{line.port}", timeout=30) as client:
        client.get("/sign-in/")
        token = client.cookies["csrftoken"]
        words = {"username": name, "password": "a long password", "csrfmiddlewaretoken": token}
        assert client.post("/sign-in/", data=words).status_code == 302
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


def _first_picture(line: Line) -> None:
    with line.client() as client:
        picture = pictures.picture(pictures.NORMAL, seed=1)
        assert line.send(client, picture, query="?wait=20").status_code == 200


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
