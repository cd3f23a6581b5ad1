"""A labelled picture as it leaves the house or comes into it, in plain words."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labeling.words import Origin

_LARGEST = 2**53  # up to here every reader of JSON keeps a number whole
Words = Mapping[str, Any]  # what a foreign file said, and no place of ours holds


class Unfit(Exception):
    """This picture cannot go into this format or split; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Category:
    """A defect type. ``id`` is its number in files, and stays when other types are added."""

    id: int
    code: str
    name: str
    severity: str
    colour: str = ""
    said: Words = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Region:
    """``counts`` is the exact mask as uncompressed COCO run lengths of the whole picture.

    ``finding`` is the number of the model's finding that it was made from; ``id`` None: derived.
    """

    label: str | None  # a code; None: of no known type
    severity: str
    confidence: int | None  # 1 to 5 stars
    note: str
    origin: Origin
    counts: tuple[int, ...]
    finding: int | None = None
    id: int | None = None
    said: Words = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class QA:
    """``slot`` is empty for a question that a person made up."""

    slot: str
    question: str
    predicted: str
    corrected: str
    origin: Origin
    edit_distance: int | None


@dataclass(frozen=True, kw_only=True)
class LabelledPicture:
    """One picture and what a person last said of it.

    ``identity`` names it in every house that it passes through. ``sha256`` is that of the file
    as it was received; ``content`` reads the upright file, whose frame the masks are in.
    ``made_at`` None: a file that came in did not say when.
    """

    identity: str
    name: str
    sha256: str
    width: int
    height: int
    product: str
    lot: str
    serial: str
    captured_at: datetime | None
    evaluation: str
    evaluation_origin: Origin
    description: str
    description_origin: Origin
    regions: tuple[Region, ...]
    answers: tuple[QA, ...]
    deleted: tuple[int, ...]
    person: str
    made_at: datetime | None
    seconds: float | None
    content: Callable[[], bytes] = field(compare=False, repr=False)
    id: int | None = None
    said: Words = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The types on it, each once, in the order of its regions."""
        return tuple(dict.fromkeys(region.label for region in self.regions))


@dataclass(frozen=True, kw_only=True)
class Left:
    """A picture that does not go out, and why."""

    identity: str
    name: str
    why: str


def picture_id(picture: LabelledPicture) -> int:
    """Its number in a COCO file: the one that it came in with, else a hash of its identity."""
    return picture.id if picture.id is not None else number("picture", picture.identity)


def region_id(picture: LabelledPicture, place: int) -> int:
    """The number of its region at this place (from 1 on); another correction has others."""
    region = picture.regions[place - 1]
    if region.id is not None:
        return region.id
    made_at = picture.made_at.isoformat() if picture.made_at else ""
    return number("region", picture.identity, made_at, place)


def number(*words: object) -> int:
    """A number from 1 to 2^53 that these words always have."""
    return 1 + _hashed(*words) % (_LARGEST - 1)


def share(*words: object) -> float:
    """A number in [0, 1) that these words always have."""
    return _hashed(*words) / 2**64


def _hashed(*words: object) -> int:
    digest = hashlib.sha256("\0".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def folder(code: str) -> str:
    """A code as the name of a folder: one of dots alone would lead out of the export."""
    return code if code.strip(".") else f"_{code}"


def suffix(data: bytes) -> str:
    """Of the name of a picture's file, by how it begins."""
    kinds = ((b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"BM", "bmp"), (b"RIFF", "webp"))
    return next((kind for start, kind in kinds if data.startswith(start)), "tif")
