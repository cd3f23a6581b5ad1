"""`manage.py up` as a stranger uses it: real processes, in a folder of their own."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
from django.conf import settings

from qms import embedded
from tests.running.processes import mentioning, wait_for

pytestmark = pytest.mark.xdist_group("up")  # the tests share one running house
START_SECONDS = 120


class House:
    def __init__(self, var: Path, **more: str) -> None:
        self.var, self.port = var, free_port()
        self.out = var.with_name("up.out")
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                up(),
                env=environment(var, self.port, **more),
                cwd=settings.BASE_DIR,
                stdout=out,
                stderr=out,
            )

    def wait_until_it_greets(self) -> str:
        wait_for(
            lambda: "Ctrl-C" in self.said() or self.process.poll() is not None,
            seconds=START_SECONDS,
        )
        assert self.process.poll() is None, self.said()
        return self.said()

    def said(self) -> str:
        return self.out.read_text()

    def status_of(self, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as line:
            line.request("GET", path)
            return line.getresponse().status

    def child(self, words: str) -> psutil.Process | None:
        children = psutil.Process(self.process.pid).children()
        return next((one for one in children if one in mentioning(words)), None)

    def ctrl_c(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


def up() -> list[str]:
    return [sys.executable, "manage.py", "up"]


def environment(var: Path, port: int, **more: str) -> dict[str, str]:
    ours = {"ANDON_VAR": str(var), "PORT": str(port), "DEMO": "0"}
    outside = ("DATABASE_URL", "BROKER_URL", "HOST", "SECRET_KEY", "STUDIO_URL", "STUDIO_TOKEN")
    kept = {k: v for k, v in os.environ.items() if k not in outside}
    return {**kept, **ours, **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refused(var: Path, port: int, **more: str) -> str:
    """What `up` says when it will not start: one sentence, and nothing else."""
    done = subprocess.run(
        up(),
        env=environment(var, port, **more),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 1, said
    assert "\n" not in said
    return said


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house") / "var")
    house.wait_until_it_greets()
    yield house
    if house.process.poll() is None:
        house.ctrl_c()


def test_it_prints_where_to_go_and_how_to_sign_in(house):
    password = (house.var / "sign-in").read_text()
    assert f"http://127.0.0.1:{house.port}/" in house.said()
    assert f"admin  {password}" in house.said()
    assert stat.S_IMODE((house.var / "sign-in").stat().st_mode) == 0o600


def test_its_page_answers(house):
    assert house.status_of("/healthz") == 200
    assert house.status_of("/") in (200, 302)


def test_each_program_runs_and_the_gpu_worker_gives_way(house):
    names = ("postgres", "redis-server", "relay", "-Q default", "-Q gpu", "uvicorn")
    assert [name for name in names if not house.child(name)] == []
    assert house.child("-Q gpu").nice() == min(19, psutil.Process().nice() + 10)


def test_a_second_house_in_the_same_folder_is_refused(house):
    said = refused(house.var, free_port())
    assert said.startswith(f"Andon runs already in {house.var} (process {house.process.pid})")


def test_a_busy_port_is_refused(house, tmp_path):
    said = refused(tmp_path / "var", house.port)
    assert said.startswith(f"Port {house.port} on 127.0.0.1 is in use by another program")


def test_a_full_disk_is_refused(tmp_path):
    assert "MB are free" in refused(tmp_path / "var", free_port(), MIN_FREE_MB="999999999")


def test_a_half_written_data_folder_is_refused(tmp_path):
    (tmp_path / "postgres" / "base").mkdir(parents=True)
    assert "not a complete Postgres data folder" in refused(tmp_path, free_port())
    assert (tmp_path / "postgres" / "base").is_dir()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "Cannot write to" in refused(tmp_path / "file" / "var", free_port())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "http", "not a whole number"),
        ("DEMO", "perhaps", "use True or False"),
        ("DATABASE_URL", "mysql://x", "must start with postgresql://"),
        ("HOST", "0.0.0.0", "Set SECRET_KEY"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_a_sentence(tmp_path, name, value, says):
    assert says in refused(tmp_path / "var", free_port(), **{name: value})


def test_a_foreign_database_that_is_away_is_named(tmp_path):
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/andon"
    said = refused(tmp_path, free_port(), DATABASE_URL=away, BROKER_URL="redis://127.0.0.1:1/0")
    assert said.startswith("The database does not answer:")


def test_postgres_and_web_come_back_after_being_killed(house):
    killed = [house.child("postgres").pid, house.child("uvicorn").pid]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    def both_back():
        found = [house.child("postgres"), house.child("uvicorn")]
        return all(one and one.pid not in killed for one in found)

    wait_for(both_back, seconds=30, what="both to run again")
    wait_for(lambda: embedded.postgres(house.var).ready(), seconds=30)
    wait_for(lambda: _answers(house), seconds=30, what="the page")


def _answers(house: House) -> bool:
    try:
        return house.status_of("/healthz") == 200
    except OSError:
        return False


def test_ctrl_c_stops_all_and_the_next_start_finds_the_data(house):
    password = (house.var / "sign-in").read_text()
    assert house.ctrl_c() == 0
    assert "Traceback" not in house.said()
    wait_for(lambda: not mentioning(str(house.var)), what="no orphan")
    again = House(house.var)
    try:
        assert password in again.wait_until_it_greets()
        with closing(psycopg2.connect(embedded.database_url(house.var))) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT count(*) FROM accounts_user WHERE username = 'admin'")
            assert cursor.fetchone() == (1,)
    finally:
        again.process.kill()  # not Ctrl-C: even so there must be no orphan
        again.process.wait()
    wait_for(lambda: not mentioning(str(house.var)), seconds=30, what="no orphan after kill -9")
