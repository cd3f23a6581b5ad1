"""MVTec's folders: train/good, test/good, test/<type>, ground_truth/<type>/NNN_mask.png.

Its training pictures are all good and it knows no validation: what is bad in the split "train"
goes to train_defects/, which readers of MVTec pass over, and "val" goes to test. The true
splits, and the types of a picture with several, stand in PRODUCT/manifest.csv, which this
project's own reader (inference.datasets) reads first.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from inference import runlengths
from labeling.exchange.parcel import File, Spool
from labeling.exchange.picture import LabelledPicture, Unfit, folder
from labeling.exchange.splits import Keys
from labeling.words import Mask

GOOD, COMBINED, UNKNOWN = "good", "combined", "unknown"
COLUMNS = ("path", "split", "label", "defect_type", "mask", "group")


class MVTec:
    def __init__(self, product: str) -> None:
        self._place = folder(product)
        self._numbers: Counter[str] = Counter()
        self._rows = Spool()
        self._row(*COLUMNS)
        self._combined = self._good_with_regions = 0

    def add(self, picture: LabelledPicture, split: str) -> list[File]:
        if picture.evaluation == "NOT_DECIDABLE":
            raise Unfit("MVTec knows only good and bad: nobody could decide on this one")
        if picture.evaluation == "OK":
            return self._good(picture, split)
        mask = union(picture)
        if not mask.any():
            raise Unfit("MVTec shows the place of each defect: this one has no mask")
        return self._bad(picture, split, mask)

    def finish(self) -> Iterator[File]:
        with self._rows:
            yield File(f"{self._place}/manifest.csv", self._rows.chunks())

    @property
    def notes(self) -> Mapping[str, Any]:
        return {
            "of several types, in the folder 'combined'": self._combined,
            "good, with regions that MVTec cannot carry": self._good_with_regions,
        }

    def _good(self, picture: LabelledPicture, split: str) -> list[File]:
        self._good_with_regions += bool(picture.regions)
        folder = f"{'train' if split == 'train' else 'test'}/{GOOD}"
        path = f"{folder}/{self._next(folder)}.png"
        self._row(path, split, "good", "", "", Keys.of(picture).group)
        return [self._file(path, as_png(picture.content()))]

    def _bad(self, picture: LabelledPicture, split: str, mask: Mask) -> list[File]:
        kind = self._folder(picture)
        at, truth = "test", "ground_truth"
        if split == "train":
            at, truth = "train_defects", "train_defects_ground_truth"
        number = self._next(f"{at}/{kind}")
        path, place = f"{at}/{kind}/{number}.png", f"{truth}/{kind}/{number}_mask.png"
        types = "+".join(label or UNKNOWN for label in picture.labels)
        self._row(path, split, "defect", types, place, Keys.of(picture).group)
        content = as_png(picture.content())
        return [self._file(path, content), self._file(place, mask_png(mask))]

    def _folder(self, picture: LabelledPicture) -> str:
        labels = picture.labels
        if len(labels) > 1:
            self._combined += 1
            return COMBINED
        only = labels[0] or UNKNOWN
        return f"{only}_type" if only in (GOOD, COMBINED) else folder(only)

    def _next(self, folder: str) -> str:
        number = self._numbers[folder]
        self._numbers[folder] += 1
        return f"{number:03}"

    def _file(self, path: str, data: bytes) -> File:
        return File(f"{self._place}/{path}", data, packed=True)

    def _row(self, *cells: str) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(cells)
        self._rows.line(out.getvalue())


def union(picture: LabelledPicture) -> Mask:
    """Bool (height, width): all regions together."""
    shape = (picture.height, picture.width)
    whole = np.zeros(shape, np.bool_)
    for region in picture.regions:
        whole |= runlengths.decode(region.counts, shape)
    return whole


def mask_png(mask: Mask) -> bytes:
    """8 bits, 255 inside and 0 outside."""
    return _png(Image.fromarray(mask.astype(np.uint8) * 255))


def as_png(data: bytes) -> bytes:
    """The same pixels as a PNG."""
    if data.startswith(b"\x89PNG"):
        return data
    with Image.open(io.BytesIO(data)) as image:
        return _png(image.convert(image.mode if image.mode in ("L", "RGB") else "RGB"))


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
