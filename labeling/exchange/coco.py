"""COCO instances: exact masks as packed run lengths. The one format that carries everything.

``annotations/instances_<split>.json`` beside ``images/<split>/``. What COCO has no place for stands
under the key "andon" of a picture, an annotation or a category; other readers pass it over.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from labeling.exchange import runs
from labeling.exchange.parcel import File, Spool
from labeling.exchange.picture import (
    Category,
    LabelledPicture,
    Region,
    picture_id,
    region_id,
    suffix,
)
from labeling.exchange.splits import SPLITS

OURS = "andon"
UNKNOWN = {"id": 1_000_000, "name": "unknown", "supercategory": "", OURS: {"unknown": True}}


class Coco:
    """``iscrowd`` is 0 for each region, unless the file that it came from said otherwise."""

    def __init__(self, product: str, categories: Sequence[Category]) -> None:
        self._product = product
        self._categories = {one.code: one for one in categories}
        self._images = {split: Spool() for split in SPLITS}
        self._annotations = {split: Spool() for split in SPLITS}
        self.notes: dict[str, Any] = {"regions": 0}

    def add(self, picture: LabelledPicture, split: str) -> list[File]:
        data = picture.content()
        name = f"{picture.identity}.{suffix(data)}"
        self._images[split].line(_json(self._image(picture, name, data)))
        for place in range(1, len(picture.regions) + 1):
            self._annotations[split].line(_json(self._annotation(picture, place)))
            self.notes["regions"] += 1
        return [File(f"images/{split}/{name}", data, packed=True)]

    def finish(self) -> Iterator[File]:
        for split in SPLITS:
            with self._images[split] as images, self._annotations[split] as annotations:
                if images.lines:
                    parts = self._document(images, annotations)
                    yield File(f"annotations/instances_{split}.json", parts)

    def _image(self, picture: LabelledPicture, name: str, data: bytes) -> dict[str, Any]:
        return {
            **picture.said,
            "id": picture_id(picture),
            "width": picture.width,
            "height": picture.height,
            "file_name": name,
            OURS: _told(picture) | {"sha256": hashlib.sha256(data).hexdigest()},
        }

    def _annotation(self, picture: LabelledPicture, place: int) -> dict[str, Any]:
        region = picture.regions[place - 1]
        size = (picture.height, picture.width)
        packed = runs.pack(region.counts, *size)
        box, area = runs.measures(packed, *size)
        return {
            "iscrowd": 0,
            **region.said,
            "id": region_id(picture, place),
            "image_id": picture_id(picture),
            "category_id": self._category_id(region),
            "segmentation": {"size": list(size), "counts": packed.decode()},
            "bbox": box,
            "area": area,
            OURS: {
                "number": place,
                "severity": region.severity,
                "confidence": region.confidence,
                "note": region.note,
                "origin": region.origin,
                "finding": region.finding,
            },
        }

    def _category_id(self, region: Region) -> object:
        if region.label is None:
            return UNKNOWN["id"]
        return self._categories[region.label].id

    def _document(self, images: Spool, annotations: Spool) -> Iterator[bytes]:
        info = {"description": f"Labelled pictures of {self._product}", "version": "1"}
        head = {"info": info, "licenses": [], "categories": self._told_categories()}
        yield _json(head)[:-1].encode()
        for key, spool in (("images", images), ("annotations", annotations)):
            yield f',\n"{key}": ['.encode()
            for number, line in enumerate(spool.read_lines()):
                yield (b",\n" if number else b"\n") + line
            yield b"\n]"
        yield b"}\n"

    def _told_categories(self) -> list[dict[str, Any]]:
        known = sorted(self._categories.values(), key=lambda one: one.id)
        return [
            *(
                {
                    "supercategory": self._product,
                    **one.said,
                    "id": one.id,
                    "name": one.code,
                    OURS: {"name": one.name, "severity": one.severity, "colour": one.colour},
                }
                for one in known
            ),
            UNKNOWN,
        ]


def _told(picture: LabelledPicture) -> dict[str, Any]:
    return {
        "identity": picture.identity,
        "name": picture.name,
        "lot": picture.lot,
        "serial": picture.serial,
        "captured_at": picture.captured_at.isoformat() if picture.captured_at else None,
        "evaluation": picture.evaluation,
        "evaluation_origin": picture.evaluation_origin,
        "description": picture.description,
        "description_origin": picture.description_origin,
        "answers": [asdict(answer) for answer in picture.answers],
        "deleted": list(picture.deleted),
        "person": picture.person,
        "made_at": picture.made_at.isoformat() if picture.made_at else None,
        "seconds": picture.seconds,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
