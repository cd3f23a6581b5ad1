"""What must be true before anything starts; each failure is one sentence that says what to do."""

import errno
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from qms.labelstudio import Desk

_MEGABYTE = 2**20


class NotReady(Exception):
    """Andon cannot start here; the message says why and what to do."""


def writable(var: Path) -> None:
    try:
        var.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=var):
            return
    except OSError as error:
        raise NotReady(
            f"Cannot write to {var} ({error.strerror}). Point ANDON_VAR to a folder of yours."
        ) from None


def enough_disk(var: Path, *, megabytes: int) -> None:
    free = shutil.disk_usage(var).free // _MEGABYTE
    if free < megabytes:
        raise NotReady(
            f"Only {free} MB are free under {var}, and {megabytes} are needed. "
            "Free some space, or point ANDON_VAR to another disk."
        )


def alone(var: Path, name: str = "Andon", *, lock_name: str = "up.lock") -> IO[str]:
    """Hold the answer for as long as it runs: the lock goes when it is closed."""
    lock = (var / lock_name).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise NotReady(
            f"{name} runs already in {var} (process {holder}). Stop it first, "
            "or choose another ANDON_VAR and PORT."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def free_port(host: str, port: int, retry: str = "PORT={} make run") -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        busy = getattr(error, "errno", None) == errno.EADDRINUSE
        reason = "is in use by another program" if busy else f"cannot be opened ({error})"
        raise NotReady(
            f"Port {port} on {host} {reason}. Choose another: {retry.format(_next(port))}"
        ) from None


@contextmanager
def own_desk(desk: Desk) -> Iterator[None]:
    """Nobody else runs Label Studio on its data, and its port is free: it would take the next."""
    desk.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(desk.folder, "Label Studio", lock_name="running.lock"):
        free_port("127.0.0.1", desk.port, "LABELSTUDIO_PORT={} with the same command")
        yield


def _next(port: int) -> int:
    return port + 1 if 0 < port < 65_535 else 8000
