"""Files to pictures and masks, with the file's name in what goes wrong."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.datasets import Row
from inference.faults import Fault
from inference.images import BadPicture, Picture, decode
from inference.labelled import Labelled

DEFECTIVE = 127  # a mask's grey values above it


class UnreadableFile(Fault):
    """A file given on the command line is missing or no picture."""


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from error


def picture(path: Path) -> Picture:
    try:
        return decode(content(path))
    except BadPicture as error:
        raise UnreadableFile(f"{path}: {error}") from error


def mask(path: Path, shown: Picture) -> NDArray[np.bool_]:
    """(height, width) of the picture that it belongs to; UnreadableFile if it has another size."""
    found = picture(path)
    if (found.width, found.height) != (shown.width, shown.height):
        raise UnreadableFile(
            f"{path} is {found.width} x {found.height} pixels, its picture "
            f"{shown.width} x {shown.height}: they must be the same."
        )
    return np.asarray(found.pixels.max(axis=2) > DEFECTIVE)


def defect(row: Row) -> Labelled:
    """A confirmed defect with what a detector learns from; an empty mask shows no place."""
    raw = content(row.path)
    try:
        shown = decode(raw)
    except BadPicture as error:
        raise UnreadableFile(f"{row.path}: {error}") from error
    place = mask(row.mask, shown) if row.mask is not None else None
    return Labelled(
        picture=shown,
        defect_type=row.defect_type,
        mask=place if place is not None and place.any() else None,
        group=row.group,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


class PictureFiles(Sequence[Picture]):
    """Pictures decoded when they are asked for, so that a large set fits in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        return picture(self.paths[index])

    def __iter__(self) -> Iterator[Picture]:
        return (picture(path) for path in self.paths)


class DefectFiles(Sequence[Labelled]):
    """Confirmed defects, read one at a time as ``PictureFiles`` reads pictures."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Labelled:  # type: ignore[override]
        return defect(self.rows[index])

    def __iter__(self) -> Iterator[Labelled]:
        return (defect(row) for row in self.rows)
