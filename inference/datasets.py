"""Labelled pictures in a folder: which file, which split, good or what defect. Reads no pixels.

Three layouts: ``manifest.csv`` (columns path, split, label, defect_type, mask, group; further
ones are ignored); MVTec's ``train/good``, ``test/<type>``, ``ground_truth/<type>``; or a flat
folder of good pictures, for fitting only.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.faults import Fault

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
COLUMNS = ("path", "split", "label", "defect_type", "mask", "group")
LABELS = ("good", "defect", "unknown")


class BadDataset(Fault):
    """The folder cannot be read as a set of pictures; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Row:
    path: Path
    split: str
    label: str  # "good", "defect" or "unknown"
    defect_type: str = ""
    mask: Path | None = None
    group: str = ""  # one part or scene; "" = a part of its own

    @property
    def is_defect(self) -> bool:
        return self.label == "defect"


def read(place: Path) -> list[Row]:
    """All rows of a folder or of a manifest file; BadDataset if there are none."""
    place = Path(place)
    if place.is_file() and place.suffix == ".csv":
        return _from_manifest(place)
    if not place.is_dir():
        raise BadDataset(f"There is no folder or manifest at {place}.")
    if (place / "manifest.csv").is_file():
        return _from_manifest(place / "manifest.csv")
    rows = list(_from_mvtec(place)) or list(_from_flat(place))
    if not rows:
        raise BadDataset(f"{place} holds no manifest.csv, no MVTec layout and no pictures.")
    return rows


def normals_to_fit(place: Path) -> list[Row]:
    """The good pictures of the train split."""
    rows = [row for row in read(place) if row.split == "train" and row.label == "good"]
    if not rows:
        raise BadDataset(f"{place} has no pictures with split train and label good.")
    return rows


def defects_to_fit(place: Path) -> list[Row]:
    """The defects of the train split whose place is known; there may be none."""
    return [row for row in read(place) if row.split == "train" and _shows_its_place(row)]


def confirmed(place: Path, count: int, *, seed: int, whole_groups: bool = False) -> list[Row]:
    """``count`` defects of each type of the *test* split, drawn by ``seed``: a stand-in for what
    reviewers confirm. They must then be left out of every test.

    ``whole_groups`` takes all defects of a drawn group, group after group, until each type has
    at least ``count``. BadDataset if no defect of the split has a mask.
    """
    rows = [row for row in read(place) if row.split == "test" and _shows_its_place(row)]
    if not rows:
        raise BadDataset(f"{place} has no defects with a mask in the split 'test' to confirm.")
    parts = [(row.group if whole_groups else "") or str(row.path) for row in rows]
    rng = np.random.default_rng(seed)
    drawn: set[str] = set()
    for kind in sorted({row.defect_type for row in rows}):
        own = [part for row, part in zip(rows, parts, strict=True) if row.defect_type == kind]
        for part in rng.permutation(sorted(set(own))):
            if sum(one in drawn for one in own) < count:
                drawn.add(str(part))
    return [row for row, part in zip(rows, parts, strict=True) if part in drawn]


def of_the_same_parts(place: Path, rows: Sequence[Row]) -> list[Row]:
    """The other pictures of the test split that show a part of ``rows``, good or not."""
    groups = {row.group for row in rows} - {""}
    known = {row.path for row in rows}
    test = [row for row in read(place) if row.split == "test"]
    return [row for row in test if row.group in groups and row.path not in known]


def labelled(place: Path, split: str) -> list[Row]:
    """Good and defective pictures of a split; those of label unknown are left out."""
    rows = [row for row in read(place) if row.split == split and row.label != "unknown"]
    if not rows:
        raise BadDataset(f"{place} has no labelled pictures in the split {split!r}.")
    return rows


def _shows_its_place(row: Row) -> bool:
    return row.is_defect and row.mask is not None


def _from_manifest(manifest: Path) -> list[Row]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(text.splitlines())
        lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{manifest} cannot be read as CSV ({error}).") from error
    missing = [name for name in COLUMNS[:3] if name not in (reader.fieldnames or ())]
    if missing:
        raise BadDataset(f"{manifest} lacks the column {missing[0]}.")
    if not lines:
        raise BadDataset(f"{manifest} has no rows.")
    rows = [_row(line, manifest, number) for number, line in enumerate(lines, start=2)]
    _refuse_what_is_named_twice(rows, manifest)
    return rows


def _refuse_what_is_named_twice(rows: Sequence[Row], manifest: Path) -> None:
    """Counted twice, a picture would promise more than it shows."""
    first: dict[Path, int] = {}
    for number, row in enumerate(rows, start=2):
        if (known := first.setdefault(row.path, number)) != number:
            name = row.path.relative_to(manifest.parent)
            raise BadDataset(
                f"{manifest}, line {number}: {name} is named in line {known} already; "
                "keep one of the two."
            )


def _row(line: dict[str, str | None], manifest: Path, number: int) -> Row:
    cells = {name: (line.get(name) or "").strip() for name in COLUMNS}
    where = f"{manifest}, line {number}"
    if cells["label"] not in LABELS:
        raise BadDataset(
            f"{where}: the label {cells['label']!r} is not one of {', '.join(LABELS)}."
        )
    mask = _inside(manifest.parent, cells["mask"], where) if cells["mask"] else None
    return Row(
        path=_inside(manifest.parent, cells["path"], where),
        split=cells["split"],
        label=cells["label"],
        defect_type=cells["defect_type"],
        mask=mask,
        group=cells["group"],
    )


def _inside(folder: Path, name: str, where: str) -> Path:
    """A file of the data set; a manifest cannot point outside its folder."""
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadDataset(f"{where}: {name!r} is not a path inside the data set.")
    path = folder / name
    if not path.is_file():
        raise BadDataset(f"{where}: the file {name} is missing.")
    return path


def _from_mvtec(place: Path) -> Iterator[Row]:
    for path in pictures_in(place / "train" / "good"):
        yield Row(path=path, split="train", label="good")
    test = place / "test"
    for folder in sorted(test.iterdir()) if test.is_dir() else ():
        for path in pictures_in(folder):
            yield _mvtec_test_row(place, folder.name, path)


def _mvtec_test_row(place: Path, kind: str, path: Path) -> Row:
    if kind == "good":
        return Row(path=path, split="test", label="good")
    mask = place / "ground_truth" / kind / f"{path.stem}_mask.png"
    found = mask if mask.is_file() else None
    return Row(path=path, split="test", label="defect", defect_type=kind, mask=found)


def _from_flat(place: Path) -> Iterator[Row]:
    for path in pictures_in(place):
        yield Row(path=path, split="train", label="good")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie in it, by name; the folders in it are not looked into.

    A link that leads nowhere is among them, so that who opens it says so.
    """
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if not path.is_dir())
