"""Files between the look at them and the import: kept for a day."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import uuid4

from django.core.files.storage import default_storage

from qms import storage
from qms.lifecycle import Refused

_FOLDER = "imports"
_KEPT = timedelta(days=1)


def keep(file: Any, *, now: datetime) -> str:
    """Write an uploaded file, drop those that nobody came back for. Returns its key."""
    for name in storage.names(_FOLDER):
        with suppress(ValueError, OverflowError):
            if int(name.split("-")[0]) < (now - _KEPT).timestamp():
                storage.drop(f"{_FOLDER}/{name}")
    file.seek(0)
    return default_storage.save(f"{_FOLDER}/{int(now.timestamp())}-{uuid4().hex}.zip", file)


def opened(key: str) -> IO[bytes]:
    """Refused if it is gone."""
    try:
        return default_storage.open(key)
    except FileNotFoundError:
        raise Refused("Look at the file again: what was shown is no longer kept.") from None
