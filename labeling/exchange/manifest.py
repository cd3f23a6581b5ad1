"""What is in an export, what is not, and why: manifest.json, and pictures.csv line by line."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from labeling.exchange.parcel import File, Spool
from labeling.exchange.picture import LabelledPicture, Left

COLUMNS = ("identity", "name", "split", "file", "left_out")


class Manifest:
    """``about`` says what was asked for; it stands at the head of manifest.json."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = about
        self._splits: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._lines = Spool()
        self._line(*COLUMNS)

    def took(self, picture: LabelledPicture, split: str, file: str) -> None:
        self._splits[split] += 1
        self._line(picture.identity, picture.name, split, file, "")

    def left(self, entry: Left) -> None:
        """The reasons are counted by their first words, up to a colon."""
        self._left[entry.why.split(":")[0]] += 1
        self._line(entry.identity, entry.name, "", "", entry.why)

    def files(self, notes: Mapping[str, Any]) -> Iterator[File]:
        with self._lines:
            yield File("pictures.csv", self._lines.chunks())
        told = {
            **self._about,
            "pictures": sum(self._splits.values()),
            "splits": dict(sorted(self._splits.items())),
            "left_out": dict(sorted(self._left.items())),
            "notes": dict(notes),
        }
        yield File("manifest.json", json.dumps(told, indent=2, ensure_ascii=False).encode())

    def _line(self, *cells: str) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(_disarmed(cell) for cell in cells)
        self._lines.line(out.getvalue())


def _disarmed(cell: str) -> str:
    """A spreadsheet would take it for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
