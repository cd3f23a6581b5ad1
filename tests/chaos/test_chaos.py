"""The promise of the README, with processes killed under load."""

import itertools
import random
import signal
import threading
import time
from contextlib import suppress

import httpx
import psutil
import psycopg2
import pytest

from tests import factories
from tests.conftest import LEASE_SECONDS
from tests.line import Line
from tests.running.processes import wait_for

pytestmark = pytest.mark.house
SECONDS = 20.0


class Load(threading.Thread):
    """A sender that does as senders must: the same external_id again until it is acknowledged."""

    def __init__(self, line: Line, name: str, until: float) -> None:
        super().__init__(name=name)
        self.line, self.until = line, until
        self.acknowledged: dict[str, str] = {}
        self.twins: list[tuple[str, str]] = []

    def run(self) -> None:
        chance = random.Random(self.name)
        with self.line.client() as client:
            for n in itertools.count():
                if time.monotonic() > self.until:
                    return
                word = f"{self.name}-{n}"
                self.acknowledged[word] = self._send(client, word, chance.choice([20, 27, 200]), n)
                if chance.random() < 0.1:
                    again = self._send(client, word, None, n)
                    self.twins.append((self.acknowledged[word], again))
                time.sleep(0.04)

    def _send(self, client: httpx.Client, word: str, brightness: int | None, n: int) -> str:
        if brightness is not None:
            self._picture = factories.picture(brightness, seed=n)
        while True:
            with suppress(httpx.HTTPError):
                answer = self.line.send(client, self._picture, external_id=word)
                if answer.status_code == 202:
                    return str(answer.json()["id"])
                assert answer.status_code >= 500, answer.text
            time.sleep(0.1)


def test_nothing_is_lost_and_nothing_doubled_while_processes_are_killed(line: Line):
    until = time.monotonic() + SECONDS
    senders = [Load(line, f"s{n}", until) for n in range(4)]
    [sender.start() for sender in senders]
    kills = _harass(line, until)
    [sender.join(timeout=60) for sender in senders]
    acknowledged = {k: v for sender in senders for k, v in sender.acknowledged.items()}
    wait_for(lambda: line.unfinished() == 0, seconds=90, what="all deliveries done")

    print(f"{len(acknowledged)} acknowledged, {kills} kills: {line.says()}")
    assert len(acknowledged) > 100
    assert all(kills.values()), kills  # each part was hit at least once
    assert sum(kills.values()) >= 12
    assert all(first == again for sender in senders for first, again in sender.twins)
    facts = line.facts()
    assert set(acknowledged.values()) <= facts["inspections"].keys(), "lost"
    assert len(facts["inspections"]) == len(facts["external_ids"]), "doubled"
    assert set(facts["inspections"].values()) <= {"SETTLED", "IN_REVIEW"}
    assert facts["verdicts"] == dict.fromkeys(facts["inspections"], 1)
    assert facts["judged_events"] == dict.fromkeys(facts["inspections"], 1)
    assert facts["dead"] == 0
    assert "holds" in line.manage("verify_events")


def _harass(line: Line, until: float) -> dict[str, int]:
    """One blow after the other, each at another part, until the time is over."""
    blows = [
        ("gpu child", lambda: line.kill("-Q gpu", child=True)),
        ("relay", lambda: line.kill("manage.py relay")),
        ("redis", lambda: line.kill("redis-server")),
        ("gpu worker", lambda: line.kill("-Q gpu")),
        ("connections", line.cut_connections),
        ("postgres", lambda: line.kill("/postgres ")),
        ("default worker", lambda: line.kill("-Q default")),
        ("gpu child paused", lambda: line.pause("-Q gpu", seconds=LEASE_SECONDS + 1.0)),
    ]
    kills = {name: 0 for name, _ in blows}
    for name, blow in itertools.cycle(blows):
        if time.monotonic() > until:
            return kills
        with suppress(psutil.Error, psycopg2.Error):
            kills[name] += blow()
        time.sleep(0.9)
    raise AssertionError


def test_a_worker_killed_in_the_middle_of_a_batch_has_its_batch_judged_again(line: Line):
    before = line.facts()["inspections"].keys()
    large = [factories.picture(200, seed=n, size=600) for n in range(24)]
    with line.client() as client:
        sent = [line.send(client, one).json()["id"] for one in large]
    wait_for(lambda: line.leased() > 0, what="a claimed batch")
    assert line.kill("-Q gpu", child=True)
    wait_for(lambda: line.unfinished() == 0, seconds=60, what="the batch judged again")
    facts = line.facts()
    new = facts["inspections"].keys() - before
    assert new == set(sent)
    assert all(facts["verdicts"][pk] == 1 for pk in new)


def test_a_silent_broker_costs_time_but_no_submission(line: Line):
    redis = line.process("redis-server")
    redis.send_signal(signal.SIGSTOP)
    try:
        with line.client() as client:
            started = time.monotonic()
            answers = [line.send(client, factories.picture(seed=n)) for n in range(900, 905)]
            assert time.monotonic() - started < 5
    finally:
        redis.send_signal(signal.SIGCONT)
    assert {answer.status_code for answer in answers} == {202}
    wait_for(lambda: line.unfinished() == 0, seconds=60, what="judged after the broker is back")
    facts = line.facts()
    assert all(facts["verdicts"][answer.json()["id"]] == 1 for answer in answers)


def test_without_postgres_the_answer_is_503_and_nothing_acknowledged_is_gone(line: Line):
    with line.client() as client:
        kept = line.send(client, factories.picture(seed=77), query="?wait=20").json()["id"]
        postgres = line.process("/postgres ")
        answers = []
        deadline = time.monotonic() + 20
        postgres.kill()
        while time.monotonic() < deadline:
            answer = line.send(client, factories.picture(seed=78), external_id="after")
            answers.append(answer)
            if answer.status_code == 202:
                break
        refused = [answer for answer in answers if answer.status_code != 202]
        assert answers[-1].status_code == 202
        assert refused
        assert {answer.status_code for answer in refused} == {503}
        assert "send it again" in refused[0].json()["detail"]
        assert refused[0].headers["Retry-After"]
        again = client.get(f"/api/inspections/{kept}/")
        assert again.json()["verdicts"]
    wait_for(lambda: line.unfinished() == 0, seconds=60, what="all done")
