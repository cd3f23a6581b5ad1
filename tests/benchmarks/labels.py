"""make bench-labels: a thousand pictures to a real Label Studio and back, and its doorbell."""

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import django
import httpx
import psutil

from qms import embedded
from tests import pictures
from tests.benchmarks.report import Report
from tests.line import ROOT, Line
from tests.running.processes import wait_for
from tests.studio import StudioServer

TASKS = int(os.environ.get("TASKS", "1000"))  # fewer for a quick look; goals shrink with them
MOST_SECONDS = 120 * TASKS / 1000
MOST_GROWTH_MB = 50
MOST_BELL_MS = 50
RINGS, LARGE = 200, 3_000_000
PRODUCT = "tile"


def main() -> None:
    report = Report("labels")
    os.environ["STUDIO_ROUND_SECONDS"] = "86400"  # a round only when we call for one
    kept = ROOT / "var" / "labelstudio-for-tests"
    with (
        tempfile.TemporaryDirectory(prefix="andon-bench-") as name,
        StudioServer.running(Path(name), kept) as there,
        Line.start(Path(name)) as line,
    ):
        line.enrol_stub()
        _first_picture(line)
        os.environ["DATABASE_URL"] = embedded.database_url(line.var)
        os.environ["ANDON_VAR"] = str(line.var)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qms.settings")
        django.setup()
        measure(report, line, there)
    report.show()


def measure(report: Report, line: Line, there: StudioServer) -> None:
    say(f"{TASKS} pictures with masks")
    push(report, line)
    say("a person for each of them")
    label(there)
    say("the round reads what they said")
    reconcile(report, line)
    say("the doorbell")
    ring(report, line)


# --- there ---


def push(report: Report, line: Line) -> None:
    from tests.benchmarks import labelled  # only once Django knows its database

    parts = labelled.settled(TASKS, PRODUCT)
    with watched(line) as memory:
        started = time.perf_counter()
        labelled.want(parts)
        wait_for(lambda: _count(line, "OPEN") == TASKS, seconds=900, what="all to be sent")
    report.at_most("pushed_s", time.perf_counter() - started, MOST_SECONDS)
    report.at_most("push_growth_mb", memory.growth_mb(), MOST_GROWTH_MB)


def label(there: StudioServer) -> None:
    """By the API, with the bell taken down: the round is to find all of it by itself."""
    from qms.labels.models import LabelTask, StudioProject

    number = StudioProject.objects.get().studio_id
    header = {"Authorization": f"Token {there.token}"}
    with httpx.Client(base_url=there.url, headers=header, timeout=60) as person:
        for bell in there.webhooks(number or 0):
            person.delete(f"/api/webhooks/{bell['id']}/").raise_for_status()

        def correct(task: int) -> None:
            (said,) = person.get("/api/predictions/", params={"task": task}).json()
            person.post(f"/api/tasks/{task}/annotations/", json=_corrected(said)).raise_for_status()

        with ThreadPoolExecutor(2) as people:
            list(people.map(correct, LabelTask.objects.values_list("studio_id", flat=True)))


def _corrected(said: dict[str, Any]) -> dict[str, Any]:
    """The masks are left, the verdict is another."""
    result = [{**one, "origin": "prediction"} for one in said["result"]]
    for one in result:
        if one["from_name"] == "verdict":
            one |= {"value": {"choices": ["OK"]}, "origin": "prediction-changed"}
    return {"result": result, "lead_time": 12.5, "parent_prediction": said["id"]}


# --- and back ---


def reconcile(report: Report, line: Line) -> None:
    from django.db import transaction
    from django.utils import timezone

    from qms.events import catalogue, outbox

    with watched(line) as memory:
        started = time.perf_counter()
        with transaction.atomic():
            outbox.publish(catalogue.StudioRoundDue(), now=timezone.now())
        wait_for(lambda: _count(line, "PULLED") == TASKS, seconds=900, what="all to be read")
    report.at_most("reconciled_s", time.perf_counter() - started, MOST_SECONDS)
    report.at_most("reconcile_growth_mb", memory.growth_mb(), MOST_GROWTH_MB)
    twice = "SELECT count(*) - count(DISTINCT label_task_id) FROM labels_annotation"
    kept = line.count("SELECT count(DISTINCT label_task_id) FROM labels_annotation")
    report.at_most("annotations_lost", TASKS - kept, 0)
    report.at_most("annotations_twice", line.count(twice), 0)


def _count(line: Line, status: str) -> int:
    return line.count(f"SELECT count(*) FROM labels_labeltask WHERE status = '{status}'")


# --- the bell ---


def ring(report: Report, line: Line) -> None:
    small = [_words(n, size=2_000) for n in range(RINGS)]
    large = [_words(n, size=LARGE) for n in range(RINGS // 4)]
    report.at_most("bell_p95_ms", _rung(line, small), MOST_BELL_MS)
    report.at_most("bell_3_mb_p95_ms", _rung(line, large), MOST_BELL_MS)


def _words(number: int, *, size: int) -> bytes:
    """As Label Studio says it: the masks come before the numbers that we look for."""
    rle = b"255," * (size // 4)
    return (
        b'{"action":"ANNOTATION_CREATED","annotation":{"id":%d,"result":[{"value":{"rle":[%s0]}}]},'
        b'"task":{"id":%d},"project":{"id":1}}' % (10**6 + number, rle, 10**6 + number)
    )


def _rung(line: Line, bodies: Sequence[bytes]) -> float:
    """p95 in milliseconds, as the annotator waits for it."""
    from django.conf import settings

    from labeling.studio import SECRET_HEADER

    times = []
    header = {SECRET_HEADER: settings.STUDIO_SECRET, "Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{line.port}", headers=header) as client:
        for body in bodies:
            started = time.perf_counter()
            answer = client.post("/hooks/labelstudio/", content=body)
            times.append(1000 * (time.perf_counter() - started))
            assert answer.status_code == 202, answer.text
            time.sleep(0.05)  # people submit one after the other
    return statistics.quantiles(times[5:], n=20)[-1]


# --- the worker's memory ---


class Memory:
    """Of the process that speaks to Label Studio, looked at every so often."""

    def __init__(self, line: Line) -> None:
        self._line, self._seen, self._over = line, list[float](), threading.Event()

    def watch(self) -> None:
        while not self._over.wait(0.1):
            with suppress(psutil.Error):
                worker = self._line.process("-Q studio ", child=True)
                self._seen.append(worker.memory_info().rss / 2**20)

    def end(self) -> None:
        self._over.set()

    def growth_mb(self) -> float:
        """The peak of the second half less that of the first."""
        half = len(self._seen) // 2
        return max(self._seen[half:]) - max(self._seen[:half])


@contextmanager
def watched(line: Line) -> Iterator[Memory]:
    memory = Memory(line)
    watcher = threading.Thread(target=memory.watch)
    watcher.start()
    try:
        yield memory
    finally:
        memory.end()
        watcher.join()


def _first_picture(line: Line) -> None:
    with line.client() as client:
        picture = pictures.picture(pictures.NORMAL, seed=1)
        assert line.send(client, picture, query="?wait=20").status_code == 200


def say(words: str) -> None:
    print(f"... {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
