"""A folder as a camera: each picture that has come to rest is taken in, then moved away.

Restart-safe: the submission's id is made of the file itself, so a file that was taken in but not
yet moved when the power failed answers with the same inspection.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from qms.inspections import actions, judge
from qms.inspections.models import Inspection, Source
from qms.lifecycle import Refused
from qms.plant.models import Product, Station

log = structlog.get_logger(__name__)

_SIDECAR = ".json"
_SAID = {"serial", "lot", "captured_at", "external_id"}


class BadSidecar(Exception):
    """The file beside the picture cannot be used; the message says why."""


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
        for path in sorted(at_rest, key=lambda p: now[p][1]):
            self._take(path)
        return len(at_rest)

    def _files(self) -> list[Path]:
        found = [p for p in self.folder.iterdir() if p.is_file() and not p.name.startswith(".")]
        pictures = [p for p in found if p.suffix.lower() != _SIDECAR]
        return [p for p in pictures if p.suffix.lower() not in (".tmp", ".part")]

    def _take(self, path: Path) -> None:
        try:
            inspection = self._submit(path)
        except (judge.BadPicture, Refused, BadSidecar) as error:
            log.warning("picture refused", file=path.name, why=str(error))
            kept = _move(path, self.folder / "failed")
            kept.with_name(f"{kept.name}.txt").write_text(f"{error}\n", encoding="utf-8")
        else:
            log.info("picture taken in", file=path.name, inspection=str(inspection.pk))
            _move(path, self.folder / "done")

    def _submit(self, path: Path) -> Inspection:
        data = path.read_bytes()
        said = _sidecar(path)
        submission = actions.Submission(
            product=self.product,
            picture=data,
            name=path.name,
            source=Source.FOLDER,
            station=self.station,
            serial=said.get("serial") or self._serial(path),
            lot=said.get("lot", ""),
            captured_at=_captured_at(said, path),
            external_id=said.get("external_id") or _identity(path, data),
        )
        return actions.submit(submission, now=timezone.now(), actor=f"folder {self.folder.name}")[0]

    def _serial(self, path: Path) -> str:
        found = self.serial_pattern.search(path.name) if self.serial_pattern else None
        return (found[1] if found.re.groups else found[0]) if found else ""


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except FileNotFoundError:  # moved between the listing and the look
        return 0, 0
    return stat.st_size or -1, stat.st_mtime_ns


def _identity(path: Path, data: bytes) -> str:
    content = hashlib.sha256(data).hexdigest()[:16]
    return f"{path.name[-64:]}:{path.stat().st_mtime_ns}:{content}"


def _sidecar(path: Path) -> dict[str, str]:
    """What stands in NAME.json beside NAME.png: serial, lot, captured_at, external_id."""
    beside = path.with_suffix(_SIDECAR)
    if not beside.is_file():
        return {}
    try:
        said: Any = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadSidecar(
            f"{beside.name} is not JSON ({error}): mend it and send both again."
        ) from error
    if not isinstance(said, dict) or set(said) - _SAID:
        raise BadSidecar(f"{beside.name} may hold only {', '.join(sorted(_SAID))}.")
    return {name: str(value) for name, value in said.items()}


def _captured_at(said: dict[str, str], path: Path) -> datetime:
    text = said.get("captured_at")
    if text is None:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    moment = _parsed(text)
    if moment is None or moment.tzinfo is None:
        raise BadSidecar(
            f"captured_at {text!r} is no time with a zone, such as 2026-01-31T08:00:00Z."
        )
    return moment


def _parsed(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None


def _move(path: Path, into: Path) -> Path:
    """Rename into the folder, the sidecar too; a name that is taken gets a number."""
    into.mkdir(exist_ok=True)
    target = _free(into / path.name)
    sidecar = path.with_suffix(_SIDECAR)
    if sidecar.is_file():
        sidecar.rename(target.with_suffix(_SIDECAR))
    path.rename(target)
    return target


def _free(target: Path) -> Path:
    number, free = 1, target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return free
