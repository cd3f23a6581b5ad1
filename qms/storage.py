"""Files that are on the disk before anybody is told so."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage


class DurableFiles(FileSystemStorage):
    """Local files, written beside, synced, then renamed: a name is there whole or not at all."""

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            with beside.open("xb") as file:
                _copy(content, file)
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # our keys are unique; writing one again writes the same thing


def keep(key: str, data: bytes) -> None:
    """Write these bytes under this key and return once they are on stable storage."""
    default_storage.save(key, ContentFile(data))


def read(key: str) -> bytes:
    with default_storage.open(key) as file:
        return bytes(file.read())


def drop(key: str) -> None:
    with suppress(OSError):
        default_storage.delete(key)


def _copy(content: Any, file: IO[bytes]) -> None:
    for chunk in content.chunks():
        file.write(chunk)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def exists(key: str) -> bool:
    return default_storage.exists(key)


def names_below(folder: str) -> list[str]:
    """The keys of all files in a folder and in those inside it."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    inside = [name for one in sorted(folders) for name in names_below(f"{folder}/{one}")]
    return [*inside, *(f"{folder}/{file}" for file in sorted(files) if not file.startswith("."))]


def names(folder: str) -> list[str]:
    """The files in a folder; none if there is no such folder."""
    try:
        return sorted(default_storage.listdir(folder)[1])
    except FileNotFoundError:
        return []
