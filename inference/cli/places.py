"""Where a command will write, asked before the work: an hour of fitting must not end in vain."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference import artefact
from inference.faults import Fault


class CannotWrite(Fault):
    """The place for the results cannot be used."""


def refuse_unwritable(folder: Path, purpose: str) -> None:
    """CannotWrite unless the folder takes new files, or can be made."""
    with _named(folder, purpose):
        _try(folder, ".andon-")


def refuse_unwritable_artefact(out: Path) -> None:
    """An artefact is written beside its place first, and then renamed to it."""
    if out.name in ("", ".."):
        raise CannotWrite(f"{out} cannot take an artefact: name a new folder.")
    with _named(out, "an artefact"):
        _try(out.parent, f".{out.name}-old-")
    artefact.refuse_to_replace_something_else(out)


def refuse_unwritable_file(path: Path, purpose: str) -> None:
    """A file in a folder that is there."""
    if not path.parent.is_dir():
        raise CannotWrite(f"{path} cannot take {purpose}: {path.parent} is no folder.")
    with _named(path, purpose):
        _try(path.parent, ".andon-")


@contextmanager
def _named(place: Path, purpose: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"{place} cannot take {purpose}: {error.strerror}.") from error


def _try(folder: Path, probe: str) -> None:
    """Make something and take it away again: permissions alone do not tell, since /proc and a
    disk that is read-only refuse even who may do anything.
    """
    Path(tempfile.mkdtemp(prefix=probe, dir=_nearest(folder.absolute()))).rmdir()


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())
