"""A picture goes in by the command line, by a watched folder and by HTTP; its verdict comes out."""

import json
import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from tests import factories
from tests.factories import DEFECT, NORMAL
from tests.line import Line
from tests.running.processes import wait_for

pytestmark = pytest.mark.house


def test_inspect_sends_through_the_queue_and_prints_a_table_of_verdicts(line: Line, tmp_path):
    (tmp_path / "good.png").write_bytes(factories.picture(NORMAL, seed=501))
    (tmp_path / "bad.png").write_bytes(factories.picture(DEFECT, seed=502))
    (tmp_path / "notes.txt").write_text("not a picture, and not asked for")
    table = line.manage("inspect", "tile", str(tmp_path))
    assert "NOT_OK" in table
    assert "1 NOT_OK · 1 OK" in table


def test_inspect_prints_one_json_object_and_names_what_it_refused(line: Line, tmp_path):
    (tmp_path / "bad.png").write_bytes(factories.picture(DEFECT, seed=503))
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    found = json.loads(line.manage("inspect", "tile", str(tmp_path), "--json", codes=(1,)))
    bad, broken = found["inspections"]
    assert (bad["evaluation"], bad["refusal"]) == ("NOT_OK", "")
    assert bad["verdicts"][0]["findings"]
    assert broken["refusal"]
    assert "id" not in broken


def test_a_watched_folder_survives_a_restart(line: Line, tmp_path):
    def start() -> subprocess.Popen[bytes]:
        words = ["manage.py", "watch", "tile", str(tmp_path), "--every", "0.2"]
        environment = {**os.environ, "ANDON_VAR": str(line.var)}
        return subprocess.Popen([sys.executable, *words], env=environment, cwd=settings.BASE_DIR)

    def done() -> int:
        return len(list(tmp_path.glob("done/*.png")))

    before = len(line.facts()["inspections"])
    first = start()
    try:
        for n in range(10):
            (tmp_path / f"{n}.png").write_bytes(factories.picture(seed=600 + n))
        wait_for(lambda: done() >= 3, seconds=30, what="the first pictures to move")
    finally:
        first.kill()
        first.wait()
    second = start()
    try:
        wait_for(lambda: done() == 10, seconds=30, what="the rest to move")
    finally:
        second.send_signal(signal.SIGINT)
        assert second.wait(timeout=20) == 0
    wait_for(lambda: line.unfinished() == 0, seconds=30, what="all judged")
    assert len(line.facts()["inspections"]) == before + 10


def test_waiting_brings_the_verdict_in_the_answer(line: Line):
    with line.client() as client:
        answer = line.send(client, factories.picture(DEFECT, seed=4242), query="?wait=20")
    assert answer.status_code == 200
    (verdict,) = answer.json()["verdicts"]
    assert verdict["evaluation"] == "NOT_OK"
