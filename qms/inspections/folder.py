"""A folder as a camera: each picture that has come to rest is taken in, then moved away.

Restart-safe: the submission's id is made of the file itself, so a file that was taken in but not
yet moved when the power failed answers with the same inspection.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.db import DataError, InterfaceError, OperationalError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from qms.inspections import actions, judge
from qms.inspections.models import Inspection, Source
from qms.inspections.submission import shown
from qms.lifecycle import Refused
from qms.plant.models import Product, Station

log = structlog.get_logger(__name__)

_SIDECAR = ".json"
_STILL_WRITING = 10.0  # seconds in which a damaged file may yet become whole
_OURS = {"done", "failed"}  # a file of such a name stands where our folders should
_SAID = {"serial", "lot", "captured_at", "external_id"}


class BadSidecar(Exception):
    """The file beside the picture cannot be used; the message says why."""


class HalfSidecar(BadSidecar):
    """It is not JSON, or not yet."""


class Unreadable(Exception):
    """The file is there and cannot be read; the message says why."""


class Vanished(Exception):
    """Somebody took the file away before we could."""


@dataclass
class WatchedFolder:
    folder: Path
    product: Product
    station: Station | None = None
    serial_pattern: re.Pattern[str] | None = None
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> int:
        """Take in what has not changed since the last look. Returns how many files moved."""
        now = {path: _state(path) for path in self._files()}
        at_rest = [
            path for path, state in now.items() if self._seen.get(path) == state and state[0]
        ]
        self._seen = now
        return sum(self._taken(path) for path in sorted(at_rest, key=lambda p: now[p][1]))

    def _taken(self, path: Path) -> bool:
        """One file whose trouble is the house's own (a full disk) stays, and stops no other."""
        try:
            return self._take(path)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("file stays, trying again", file=shown(path))
            return False

    def _files(self) -> list[Path]:
        found = [p for p in self.folder.iterdir() if p.is_file() and not p.name.startswith(".")]
        pictures = [p for p in found if p.suffix.lower() != _SIDECAR]
        named = [p for p in pictures if p.name not in _OURS]
        return [p for p in named if p.suffix.lower() not in (".tmp", ".part")]

    def _take(self, path: Path) -> bool:
        """True if it was moved away, taken in or not."""
        try:
            inspection = self._submit(path)
        except (judge.BadPicture, HalfSidecar) as error:
            return not _is_fresh(path) and self._put_aside(path, str(error))
        except actions.StationClosed as error:
            log.info("file waits", file=shown(path), why=str(error))
            return False
        except (Refused, BadSidecar, Unreadable) as error:
            return self._put_aside(path, str(error))
        except Vanished:
            return False
        except (ValueError, DataError) as error:
            why = f"{shown(path)} cannot be taken in ({' '.join(str(error).split())})."
            return self._put_aside(path, why)
        log.info("picture taken in", file=shown(path), inspection=str(inspection.pk))
        return _moved(path, self.folder / "done") is not None

    def _put_aside(self, path: Path, why: str) -> bool:
        log.warning("picture refused", file=shown(path), why=why)
        kept = _moved(path, self.folder / "failed")
        if kept is not None:
            _beside(kept, f"{kept.name}.txt", f"{why}\n")
        return kept is not None

    def _submit(self, path: Path) -> Inspection:
        with _readable(path):
            submission = self._submission(path)
        return actions.submit(submission, now=timezone.now(), actor=f"folder {self.folder.name}")[0]

    def _submission(self, path: Path) -> actions.Submission:
        data = path.read_bytes()
        said = _sidecar(path)
        return actions.Submission(
            product=self.product,
            picture=data,
            name=shown(path),
            source=Source.FOLDER,
            station=self.station,
            serial=said.get("serial") or self._serial(path),
            lot=said.get("lot", ""),
            captured_at=_captured_at(said, path),
            external_id=said.get("external_id") or _identity(path, data),
        )

    def _serial(self, path: Path) -> str:
        found = self.serial_pattern.search(shown(path)) if self.serial_pattern else None
        return ((found[1] if found.re.groups else found[0]) or "") if found else ""


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except FileNotFoundError:  # moved between the listing and the look
        return 0, 0
    return stat.st_size or -1, stat.st_mtime_ns


def _is_fresh(path: Path) -> bool:
    """Its writer, or that of its sidecar, may only have paused."""
    written = [one.stat().st_mtime for one in (path, path.with_suffix(_SIDECAR)) if one.exists()]
    return any(abs(time.time() - moment) < _STILL_WRITING for moment in written)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise Vanished from error
    except OSError as error:
        raise Unreadable(
            f"{shown(path)} cannot be read ({error.strerror or error}): mend that, and send it again."
        ) from error


def _identity(path: Path, data: bytes) -> str:
    content = hashlib.sha256(data).hexdigest()[:16]
    return f"{shown(path)[-64:]}:{path.stat().st_mtime_ns}:{content}"


def _sidecar(path: Path) -> dict[str, str]:
    """What stands in NAME.json beside NAME.png: serial, lot, captured_at, external_id."""
    beside = path.with_suffix(_SIDECAR)
    if not beside.is_file():
        return {}
    try:
        said: Any = json.loads(beside.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise HalfSidecar(
            f"{shown(beside)} is not JSON ({error}): mend it and send both again."
        ) from error
    if not isinstance(said, dict) or set(said) - _SAID:
        raise BadSidecar(f"{shown(beside)} may hold only {', '.join(sorted(_SAID))}.")
    return {name: str(value) for name, value in said.items()}


def _captured_at(said: dict[str, str], path: Path) -> datetime | None:
    text = said.get("captured_at")
    if text is None:
        return _written_at(path)
    moment = _parsed(text)
    if moment is None:
        raise BadSidecar(
            f"captured_at {text!r} is no time with a zone, such as 2026-01-31T08:00:00Z."
        )
    return moment


def _written_at(path: Path) -> datetime | None:
    """When the file was written, unless its clock is plainly wrong: then we say nothing of it."""
    try:
        moment = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment <= timezone.now() else None


def _parsed(text: str) -> datetime | None:
    """In UTC; None if it has no zone, or no year that UTC can write."""
    try:
        moment = parse_datetime(text)
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _moved(path: Path, into: Path) -> Path | None:
    """Rename into the folder, the sidecar too; a name that is taken gets a number.

    None if that cannot be done: the file stays, and the next look tries again.
    """
    try:
        into.mkdir(exist_ok=True)
        target = _free(into / path.name)
        sidecar = path.with_suffix(_SIDECAR)
        if sidecar.is_file():
            sidecar.rename(target.with_suffix(_SIDECAR))
        path.rename(target)
    except OSError as error:
        log.error("file cannot be moved", file=shown(path), into=str(into), error=str(error))
        return None
    return target


def _beside(kept: Path, name: str, text: str) -> None:
    try:
        kept.with_name(name).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        log.error("reason cannot be written", file=shown(kept), error=str(error))


def _free(target: Path) -> Path:
    """A name that neither a picture nor a sidecar has yet."""
    number, free = 1, target
    while free.exists() or free.with_suffix(_SIDECAR).exists():
        number += 1
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return free
