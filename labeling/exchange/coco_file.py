"""A zip with COCO annotations as labelled pictures, one at a time; what is broken is told by name.

Takes what ``coco`` writes, and foreign files: each ``.json`` with images and annotations, polygons
or run lengths, pictures found by their names.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from labeling.exchange import coco_words as words
from labeling.exchange.archive import Archive, BadArchive
from labeling.exchange.picture import Category, LabelledPicture, Region, picture_id, region_id

LARGEST_JSON = 256 * 2**20  # bytes of all annotation files together
_IDENTITY = re.compile(r"[0-9a-f-]{1,40}")
_UNKNOWN = "unknown"


class BadCoco(Exception):
    """The file as a whole makes no sense; the message says why."""


@dataclass(frozen=True)
class Broken:
    """One picture of the file that cannot come in, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class _Document:
    """One annotation file: where it lies, and what it says."""

    name: str
    images: Sequence[Mapping[str, Any]]
    labels: Mapping[int, str | None]
    annotations: Mapping[Any, Sequence[Mapping[str, Any]]]


class CocoFile:
    """All annotation files of a zip. ``largest`` is the most bytes of one picture."""

    def __init__(self, archive: Archive, *, product: str, largest: int) -> None:
        self._archive, self._product, self._largest = archive, product, largest
        self._by_name = _by_last_name(archive.names)
        self.categories: dict[str, Category] = {}
        self._documents = [self._document(name, said) for name, said in _found(archive)]
        if not self._documents:
            raise BadCoco(
                "The zip holds no COCO annotations: a .json with images, annotations and categories."
            )

    def __len__(self) -> int:
        return sum(len(document.images) for document in self._documents)

    def pictures(self) -> Iterator[LabelledPicture | Broken]:
        seen: set[str] = set()
        for document in self._documents:
            for said in document.images:
                found = self._picture(document, said)
                if isinstance(found, LabelledPicture):
                    if found.identity in seen:
                        found = Broken(found.name, "it is in the zip twice")
                    else:
                        seen.add(found.identity)
                yield found

    def _document(self, name: str, said: Mapping[str, Any]) -> _Document:
        """Labels by category id; a category of ours that means "no known type" is None."""
        labels: dict[int, str | None] = {}
        try:
            for one in words.apart(words.rows(said, "categories"), "categories"):
                labels[words.number(one, "id")] = self._label(one)
            annotations: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
            for one in words.rows(said, "annotations"):
                annotations[words.number(one, "image_id")].append(one)
            images = words.apart(words.rows(said, "images"), "pictures")
            return _Document(name, images, labels, annotations)
        except words.BadWords as error:
            raise BadCoco(f"{name} makes no sense: {error}.") from None

    def _label(self, said: Mapping[str, Any]) -> str | None:
        own = words.ours(said)
        if own.get(_UNKNOWN) is True:
            return None
        code = words.text(said, "name", longest=200)
        known = self.categories.get(code)
        found = Category(
            id=words.number(said, "id"),
            code=code,
            name=words.text(own, "name"),
            severity=words.one_of(own, "severity", ("", "CRITICAL", "MAJOR", "MINOR"), ""),
            colour=words.colour(own),
            said=words.rest_of_category(said),
        )
        self.categories[code] = known or found
        return code

    def _picture(self, document: _Document, said: Mapping[str, Any]) -> LabelledPicture | Broken:
        name = str(said.get("file_name") or f"picture {said.get('id')}")
        try:
            path = self._path(document, words.text(said, "file_name"))
            data = self._archive.read(path, most=self._largest)
            return _labelled(document, said, data, self._product)
        except (words.BadWords, BadArchive) as error:
            return Broken(name, str(error).rstrip("."))

    def _path(self, document: _Document, name: str) -> str:
        """Beside the annotations or in images/, by its split too; or by its last name alone."""
        split = PurePosixPath(document.name).stem.split("_")[-1]
        above = PurePosixPath(document.name).parent.parent
        tried = [name, f"images/{name}", f"images/{split}/{name}"]
        for one in [*(str(above / folder) for folder in tried), *tried]:
            if name and one in self._archive:
                return one
        alike = self._by_name.get(PurePosixPath(name).name, [])
        if len(alike) != 1:
            raise words.BadWords(
                "several files of the zip have this name" if alike else "it is not in the zip"
            )
        return alike[0]


def _labelled(
    document: _Document, said: Mapping[str, Any], data: bytes, product: str
) -> LabelledPicture:
    own = words.ours(said)
    width, height = (words.number(said, side, least=1, most=2**20) for side in ("width", "height"))
    if width * height > 2**32:
        raise words.BadWords("it is larger than any picture")
    annotations = document.annotations.get(words.number(said, "id"), ())
    regions = tuple(_region(one, document, height, width) for one in _in_order(annotations))
    file_name = words.text(said, "file_name")
    sha256 = hashlib.sha256(data).hexdigest()
    found = LabelledPicture(
        identity=_identity(own, file_name, sha256),
        name=words.text(own, "name", file_name, longest=255),
        sha256=sha256,
        width=width,
        height=height,
        product=product,
        lot=words.text(own, "lot", longest=64),
        serial=words.text(own, "serial", longest=64),
        captured_at=words.moment(own, "captured_at"),
        evaluation=words.evaluation(own, "NOT_OK" if annotations else "OK"),
        evaluation_origin=words.origin(own, "evaluation_origin"),
        description=words.text(own, "description"),
        description_origin=words.origin(own, "description_origin"),
        regions=regions,
        answers=tuple(words.answer(one) for one in words.rows(own, "answers")),
        deleted=words.deleted(own),
        person=words.person(own),
        made_at=words.moment(own, "made_at"),
        seconds=words.seconds(own),
        content=lambda: data,
        id=words.number(said, "id"),
        said=words.rest_of_picture(said),
    )
    return _without_derived_ids(found)


def _without_derived_ids(picture: LabelledPicture) -> LabelledPicture:
    """Those that an export gives by itself need not be kept."""
    bare = replace(
        picture, id=None, regions=tuple(replace(region, id=None) for region in picture.regions)
    )
    regions = tuple(
        bare.regions[place - 1] if region.id == region_id(bare, place) else region
        for place, region in enumerate(picture.regions, start=1)
    )
    return replace(bare, id=None if picture.id == picture_id(bare) else picture.id, regions=regions)


def _region(said: Mapping[str, Any], document: _Document, height: int, width: int) -> Region:
    try:
        category = words.number(said, "category_id")
        if category not in document.labels:
            raise words.BadWords(f"its category {category} is not among the categories")
        return words.region(said, document.labels[category], height, width)
    except words.BadWords as error:
        raise words.BadWords(f"annotation {said.get('id')}: {error}") from None


def _in_order(annotations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By the numbers that our own export gave them; a foreign file's order is kept."""
    numbers = [words.ours(one).get("number") for one in annotations]
    if all(isinstance(one, int) for one in numbers):
        return [one for _, one in sorted(zip(numbers, annotations, strict=True), key=_first)]
    return list(annotations)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _identity(own: Mapping[str, Any], file_name: str, sha256: str) -> str:
    """As its first house called it; else made of its name and content, the same each time."""
    given = words.text(own, "identity")
    if given and not _IDENTITY.fullmatch(given):
        raise words.BadWords(f"its identity {given!r} is none of ours")
    return given or hashlib.sha256(f"{file_name}\0{sha256}".encode()).hexdigest()[:32]


def _found(archive: Archive) -> Iterator[tuple[str, Mapping[str, Any]]]:
    left = LARGEST_JSON
    for name in sorted(archive.names):
        if not name.lower().endswith(".json"):
            continue
        try:
            data = archive.read(name, most=left)
        except BadArchive as error:
            raise BadCoco(
                f"{error} The annotations have {LARGEST_JSON >> 20} MB at most."
            ) from None
        left -= len(data)
        said = _parsed(name, data)
        if isinstance(said, dict) and "images" in said and "categories" in said:
            yield name, said


def _parsed(name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadCoco(f"{name} is not JSON: {' '.join(str(error).split())}.") from None


def _by_last_name(names: Sequence[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[PurePosixPath(name).name].append(name)
    return found
