"""Weights from the model hub into a local file. Only ``python -m inference pull`` comes here."""

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.faults import Fault

TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 20

# Called with (bytes so far, bytes in all or 0 if unknown).
BytesDone = Callable[[int, int], None]


class CannotFetch(Fault):
    """The weights could not be fetched."""


@dataclass(frozen=True)
class Fetched:
    path: Path
    sha256: str


def fetch(url: str, target: Path, progress: BytesDone) -> Fetched:
    """Write what ``url`` (https) holds to ``target``, whole or not at all.

    Where the hub names the file's sha256 it must agree; CannotFetch in one sentence otherwise.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest, expected = _stream(url, file.write, progress)
        if expected and expected != digest:
            raise CannotFetch(f"{url} arrived damaged (its sha256 differs): try again.")
        part.replace(target)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise CannotFetch(
            f"{url} cannot be fetched ({reason}): download it elsewhere and name the file "
            "or its folder in the backbone's name, as `python -m inference list` shows."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Fetched(target, digest)


def _stream(
    url: str, write: Callable[[bytes], object], progress: BytesDone
) -> tuple[str, str | None]:
    """(sha256 of what came, sha256 the hub promised if it did)."""
    if not url.startswith("https://"):
        raise CannotFetch(f"{url} is not an https address.")
    digest, done = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - https, see above
        total = int(answer.headers.get("Content-Length") or 0)
        while chunk := answer.read(CHUNK):
            write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress(done, total)
        promised = answer.headers.get("X-Linked-Etag", "").strip('"')
    return digest.hexdigest(), promised if len(promised) == 64 else None
