"""YOLO-seg: a line "class x1 y1 x2 y2 ..." for each part of a region, as shares of the picture.

The points are the centres of the outline's pixels; read as Ultralytics reads them (cut down to
whole pixels, filled with their outline by ``cv2.fillPoly``) they give the mask back. A region in
several parts becomes as many lines: a bridge between two specks would cover more than they do.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference import runlengths
from labeling.exchange.parcel import File
from labeling.exchange.picture import Category, LabelledPicture, Region, Unfit, suffix
from labeling.exchange.splits import SPLITS

_LEAST = 3  # points that readers expect of a polygon


class Yolo:
    """Classes are numbered by their ids, so that a new type comes last; "unknown" after all."""

    def __init__(self, product: str, categories: Sequence[Category]) -> None:
        self._product = product
        codes = [one.code for one in sorted(categories, key=lambda one: one.id)]
        self._classes: dict[str | None, int] = {code: place for place, code in enumerate(codes)}
        self._classes[None] = len(codes)
        self._used: Counter[str | None] = Counter()
        self._cut = 0

    def add(self, picture: LabelledPicture, split: str) -> list[File]:
        if picture.evaluation == "NOT_DECIDABLE":
            raise Unfit("YOLO knows no doubt: nobody could decide on this one")
        if picture.evaluation == "NOT_OK" and not picture.regions:
            raise Unfit("YOLO would take a defect without a mask for a good picture")
        data = picture.content()
        lines = [line for region in picture.regions for line in self._lines(picture, region)]
        text = "".join(f"{line}\n" for line in lines).encode()
        return [
            File(f"images/{split}/{picture.identity}.{suffix(data)}", data, packed=True),
            File(f"labels/{split}/{picture.identity}.txt", text),
        ]

    def finish(self) -> Iterator[File]:
        names = list(self._classes.items())[: None if self._used[None] else -1]
        lines = [
            f"# Labelled pictures of {self._product}",
            "path: .",
            *(f"{split}: images/{split}" for split in SPLITS),
            "names:",
            *(f"  {place}: {json.dumps(code or 'unknown')}" for code, place in names),
        ]
        yield File("data.yaml", "".join(f"{line}\n" for line in lines).encode())

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"regions in several parts, a line each": self._cut}

    def _lines(self, picture: LabelledPicture, region: Region) -> list[str]:
        from labeling.exchange.outlines import outlines  # brings OpenCV along, which the web lacks

        mask = runlengths.decode(region.counts, (picture.height, picture.width))
        parts = outlines(mask)
        self._cut += len(parts) > 1
        self._used[region.label] += 1
        size = (picture.width, picture.height)
        return [f"{self._classes[region.label]} {_shares(part.tolist(), size)}" for part in parts]


def _shares(points: list[list[int]], size: tuple[int, int]) -> str:
    """A speck of one or two pixels repeats its last one."""
    points = points + [points[-1]] * (_LEAST - len(points))
    return " ".join(
        f"{(value + 0.5) / side:.7g}"
        for point in points
        for value, side in zip(point, size, strict=True)
    )
