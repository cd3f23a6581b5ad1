"""A real Label Studio for the tests, started by the command that people use, in a folder of its own.

What people do there has the same names as in FakeStudio, so that both stand under the same tests.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import jwt

from labeling.studio import Studio
from qms import labelstudio
from tests.running.processes import wait_for

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 400  # makes its tables the first time, on two cores that others use as well


class StudioServer:
    def __init__(self, folder: Path) -> None:
        self.var, self.out = folder / "var", folder / "labelstudio.out"
        self.desk = labelstudio.Desk(self.var, self.var / "files", _free_port())
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, folder: Path, kept: Path) -> Iterator[Self]:
        """``kept`` holds an empty one, so that only the first run ever waits for its tables."""
        install()
        server = cls(folder)
        template = empty_one(kept)
        if template.exists():
            shutil.copytree(template, server.desk.folder)
        try:
            server.come_back()
            if not template.exists():
                _keep(server.desk.folder, template)
            yield server
        finally:
            server.go_down()

    @property
    def url(self) -> str:
        return self.desk.url

    @property
    def token(self) -> str:
        return self.desk.token

    @property
    def files(self) -> Path:
        """Its document root: settings.MEDIA_ROOT of a house that shows pictures there."""
        return self.desk.pictures

    def with_token(self, token: str) -> Studio:
        return Studio(self.url, token)

    def client(self) -> Studio:
        return self.with_token(self.token)

    def said(self) -> str:
        return self.out.read_text()

    # --- what people do there ---

    def submit(
        self,
        task_id: int,
        result: Sequence[dict[str, Any]],
        *,
        seconds: float = 12.5,
        skipped: bool = False,
    ) -> dict[str, Any]:
        body = {"result": list(result), "lead_time": seconds, "was_cancelled": skipped}
        if predictions := self.predictions(task_id):
            body["parent_prediction"] = predictions[-1]["id"]
        return self._ask("POST", f"/api/tasks/{task_id}/annotations/", body)

    def skip(self, task_id: int) -> dict[str, Any]:
        return self.submit(task_id, [], skipped=True)

    def accept(self, task_id: int) -> dict[str, Any]:
        said = self.predictions(task_id)[-1]["result"]
        return self.submit(task_id, [{**one, "origin": "prediction"} for one in said])

    def change(self, annotation_id: int, result: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return self._ask("PATCH", f"/api/annotations/{annotation_id}/", {"result": list(result)})

    def delete_annotation(self, annotation_id: int) -> None:
        self._ask("DELETE", f"/api/annotations/{annotation_id}/")

    def delete_task(self, task_id: int) -> None:
        self._ask("DELETE", f"/api/tasks/{task_id}/")

    def delete_project(self, project_id: int) -> None:
        self._ask("DELETE", f"/api/projects/{project_id}/")

    def rename_label(self, project_id: int, old: str, new: str) -> None:
        config = self._ask("GET", f"/api/projects/{project_id}/")["label_config"]
        body = {"label_config": config.replace(f'"{old}"', f'"{new}"')}
        self._ask("PATCH", f"/api/projects/{project_id}/", body)

    def predictions(self, task_id: int) -> list[dict[str, Any]]:
        return list(self._ask("GET", f"/api/predictions/?task={task_id}"))

    def webhooks(self, project_id: int) -> list[dict[str, Any]]:
        return list(self._ask("GET", f"/api/webhooks/?project={project_id}"))

    # --- tokens ---

    def personal_token(self) -> str:
        """Only one may live at a time: revoke it afterwards."""
        return str(self._ask("POST", "/api/token/")["token"])

    def expired_token(self) -> str:
        """One as it issues them, whose time has passed."""
        claims = {"token_type": "refresh", "iat": 1, "exp": 2, "jti": "0" * 32, "user_id": "1"}
        return jwt.encode(claims, (self.desk.folder / "secret-key").read_text(), "HS256")

    def revoke(self, token: str) -> None:
        access = self._ask("POST", "/api/token/refresh/", {"refresh": token})["access"]
        answer = httpx.post(
            f"{self.url}/api/token/blacklist/",
            json={"refresh": token},
            headers={"Authorization": f"Bearer {access}"},
            timeout=30,
        )
        answer.raise_for_status()

    # --- what happens to it ---

    def go_down(self) -> None:
        """Ctrl-C; its data stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
            self.process = None

    def come_back(self) -> None:
        ours = {"ANDON_VAR": str(self.var), "LABELSTUDIO_PORT": str(self.desk.port)}
        outside = ("STUDIO_URL", "STUDIO_TOKEN", "HOST", "SECRET_KEY", "DATABASE_URL")
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "labelstudio"],
                env={**kept, **ours},
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )
        wait_for(self._greets, seconds=START_SECONDS, what="Label Studio to start")

    def _greets(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.said()
        return "Ctrl-C" in self.said()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """As a person, not by our own client: that is what is being tested."""
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"Authorization": f"Token {self.token}"},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None


def install() -> None:
    """By the same target as people; once, even if several ask for it."""
    lock_file = ROOT / "var" / "labelstudio-install.lock"
    lock_file.parent.mkdir(exist_ok=True)
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not labelstudio.executable().exists():
            subprocess.run(["make", "labelstudio-install"], cwd=ROOT, check=True)


def empty_one(kept: Path) -> Path:
    """The folder of a Label Studio of these very versions, in which nothing was ever done."""
    pins = (ROOT / "docker" / "labelstudio-constraints.txt").read_bytes()
    return kept / hashlib.sha256(pins).hexdigest()[:16]


def _keep(folder: Path, template: Path) -> None:
    """While nobody has made anything there; by SQLite's own backup, for it is running."""
    beside = template.with_name(f"{template.name}.{os.getpid()}.{time.monotonic_ns()}")
    shutil.copytree(folder, beside, ignore=shutil.ignore_patterns("*.sqlite3*", "*.lock"))
    name = "data/label_studio.sqlite3"
    with (
        closing(sqlite3.connect(folder / name)) as there,
        closing(sqlite3.connect(beside / name)) as here,
    ):
        there.backup(here)
    if template.exists():
        shutil.rmtree(beside)
    else:
        beside.rename(template)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
