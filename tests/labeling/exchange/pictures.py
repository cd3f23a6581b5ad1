"""Labelled pictures to write and to read again."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from inference import runlengths
from labeling.exchange import export, parcel
from labeling.exchange.picture import Category, LabelledPicture, Left, Region
from labeling.exchange.splits import Splitter
from labeling.words import Mask, Origin
from tests.pictures import picture as grey

CATEGORIES = (
    Category(id=3, code="scratch", name="Scratch", severity="MAJOR", colour="#D55E00"),
    Category(id=7, code="dent", name="Dent", severity="MINOR", colour="#0072B2"),
)
SIDE = 64
MADE = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)
ALL_TRAIN = Splitter(shares=(1.0, 0.0, 0.0))


def region(mask: Mask | None = None, label: str | None = "scratch", **words: Any) -> Region:
    found = square() if mask is None else mask
    given: dict[str, Any] = {"severity": "", "confidence": None, "note": ""}
    return Region(
        label=label,
        counts=tuple(runlengths.encode(found)),
        **{**given, "origin": Origin.MANUAL, **words},
    )


def square(x: int = 4, y: int = 8, side: int = 10) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def labelled(*regions: Region, **words: Any) -> LabelledPicture:
    seed = words.pop("seed", 0)
    given: dict[str, Any] = {
        "identity": f"0192f0a0-0000-7000-8000-{seed:012d}",
        "name": f"part {seed}.png",
        "sha256": f"{seed:064x}",
        "width": SIDE,
        "height": SIDE,
        "product": "tile",
        "lot": "",
        "serial": "",
        "captured_at": MADE,
        "evaluation": "NOT_OK" if regions else "OK",
        "evaluation_origin": Origin.MANUAL,
        "description": "",
        "description_origin": Origin.MANUAL,
        "answers": (),
        "deleted": (),
        "person": "ines",
        "made_at": MADE,
        "seconds": None,
        "content": lambda: grey(seed=seed, size=SIDE),
    }
    return LabelledPicture(regions=regions, **{**given, **words})


def exported(
    entries: Iterable[LabelledPicture | Left],
    to: str,
    *,
    categories: Sequence[Category] = CATEGORIES,
    splitter: Splitter = ALL_TRAIN,
) -> dict[str, bytes]:
    """What a zip of this export holds, by name."""
    files = export.files(
        entries, to=to, product="tile", categories=categories, splitter=splitter, about={}
    )
    with zipfile.ZipFile(io.BytesIO(b"".join(parcel.zipped(files)))) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def zip_of(files: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return out
