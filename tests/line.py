"""A whole house of its own to shoot at: started by ``manage.py up``, asked by HTTP and by SQL."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg2

from qms import embedded
from tests import pictures
from tests.running.processes import wait_for

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Line:
    var: Path
    port: int
    up: subprocess.Popen[bytes]
    key: str = ""

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *, lease_seconds: int = 60) -> Iterator[Self]:
        var = folder / "var"
        environment = _environment(var, lease_seconds)
        log = (folder / "up.log").open("ab")
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        line = cls(var, int(environment["PORT"]), up)
        try:
            wait_for(lambda: "Ctrl-C" in line.says(), seconds=120, what="the house to greet")
            line.key = line.manage("issue_key", "line").strip()
            yield line
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(timeout=90)

    def enrol_stub(self) -> None:
        """Brightness is badness, for the product "tile"."""
        normals = self.var.parent / "normals"
        normals.mkdir()
        for n in range(40):
            picture = pictures.picture(20 + n % 7, seed=n)
            (normals / f"{n}.png").write_bytes(picture)
        self.manage("enrol", "tile", str(normals), "--detector", "stub")

    def manage(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            env={**os.environ, "ANDON_VAR": str(self.var), "LOG_LEVEL": "ERROR"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in codes, done.stderr
        return done.stdout

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=35,
        )

    @staticmethod
    def send(
        client: httpx.Client,
        picture: bytes,
        *,
        query: str = "",
        product: str = "tile",
        **words: str,
    ) -> httpx.Response:
        return client.post(
            f"/api/inspections/{query}",
            data={"product": product, **words},
            files={"picture": ("part.png", picture)},
        )

    # --- what it says ---

    def says(self) -> str:
        return (self.var.parent / "up.log").read_text()

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg2.connect(embedded.database_url(self.var)) as link, link.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def count(self, query: str) -> int:
        """-1 while the database is away."""
        with suppress(psycopg2.Error):
            return int(self.sql(query)[0][0])
        return -1

    def unfinished(self) -> int:
        return self.count(
            "SELECT count(*) FROM events_delivery WHERE done_at IS NULL AND dead_at IS NULL"
        )

    def leased(self) -> int:
        return self.count(
            "SELECT count(*) FROM events_delivery WHERE token IS NOT NULL AND done_at IS NULL"
            " AND handler = 'inspections.judge_inspection'"
        )

    def facts(self) -> dict[str, Any]:
        inspections = self.sql("SELECT id::text, status FROM inspections_inspection")
        ids = (
            "SELECT DISTINCT coalesce(nullif(external_id, ''), id::text)"
            " FROM inspections_inspection"
        )
        return {
            "inspections": dict(inspections),
            "external_ids": [word for (word,) in self.sql(ids)],
            "verdicts": self._per_inspection("inspection_id", "inspections_verdict"),
            "judged_events": self._per_inspection(
                "subject", "events_event WHERE name = 'InspectionJudged'"
            ),
            "dead": self.count("SELECT count(*) FROM events_delivery WHERE dead_at IS NOT NULL"),
        }

    def _per_inspection(self, column: str, rows: str) -> dict[str, int]:
        return dict(self.sql(f"SELECT {column}::text, count(*) FROM {rows} GROUP BY 1"))

    # --- what is done to it ---

    def process(self, words: str, *, child: bool = False) -> psutil.Process:
        for one in psutil.Process(self.up.pid).children():
            if words in " ".join(one.cmdline()) + " ":
                return one.children()[0] if child and one.children() else one
        raise psutil.NoSuchProcess(0, words)

    def kill(self, words: str, *, child: bool = False) -> bool:
        self.process(words, child=child).kill()
        return True

    def pause(self, words: str, *, seconds: float) -> bool:
        """Stop a worker's child longer than its lease, as a swapping machine would."""
        child = self.process(words, child=True)
        child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        child.send_signal(signal.SIGCONT)
        return True

    def cut_connections(self) -> bool:
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return True


def _environment(var: Path, lease_seconds: int) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        "ANDON_VAR": str(var),
        "PORT": str(port),
        "DEMO": "0",
        "LEASE_SECONDS": str(lease_seconds),
        "LOG_LEVEL": "WARNING",
    }
    outside = {"DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE"}
    return {**{k: v for k, v in os.environ.items() if k not in outside}, **given}
