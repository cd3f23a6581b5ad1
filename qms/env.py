"""Read settings from the environment, loudly."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


class BadEnvironment(Exception):
    """A variable is set to something that cannot be used."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def number(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    try:
        return int(value)
    except ValueError:
        raise BadEnvironment(f"{name}={value} is not a whole number") from None


def flag(name: str, default: bool) -> bool:
    value = (os.environ.get(name) or str(default)).lower()
    if value not in ("true", "false", "1", "0"):
        raise BadEnvironment(f"{name}={value}: use True or False")
    return value in ("true", "1")


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty entries."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def secret(name: str, default: str = "") -> str:
    """The value itself, or the contents of the file that NAME_FILE points to."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name) or default


def kept(path: Path, *, bytes_of_chance: int = 48) -> str:
    """A random secret that is made once and kept in this file, readable by its owner only."""
    try:
        return _kept(path, bytes_of_chance)
    except OSError as error:
        raise BadEnvironment(f"Cannot write to {path.parent}: {error.strerror}.") from None


def _kept(path: Path, bytes_of_chance: int) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(bytes_of_chance))
        with suppress(FileExistsError):
            os.link(beside, path)  # unlike a rename, it leaves the first of two writers standing
        beside.unlink()
    return path.read_text(encoding="utf-8").strip()
