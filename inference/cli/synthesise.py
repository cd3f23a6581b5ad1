"""synthesise: made-up defects on good pictures, to look at or to learn from.

Writes MVTec's layout, so the folder can be given to ``evaluate`` at once: ``test/<kind>``,
``ground_truth/<kind>``; and ``sheet.png``, where people see the first of each kind, once as they
are and once with the outline of the mask.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from inference import datasets
from inference.cli.output import bar, emit
from inference.cli.places import refuse_unwritable
from inference.detector import Progress
from inference.faults import Fault
from inference.files import PictureFiles
from inference.synthesis import KINDS, Mask, Pixels

SHOWN = 6  # of each kind on the sheet
SIDE = 192  # pixels of a picture on the sheet
OUTLINE = (255, 0, 0)


class CannotSynthesise(Fault):
    """The folder cannot be written to."""


def run(options: argparse.Namespace) -> int:
    rows = datasets.normals_to_fit(options.data)
    pictures = PictureFiles([row.path for row in rows])
    _refuse_unless_empty(options.out)
    kinds = list(KINDS) if options.kind == "all" else [options.kind]
    with bar("synthesise") as progress:
        sheet = _made(options, kinds, pictures, progress)
    Image.fromarray(sheet).save(options.out / "sheet.png")
    emit(f"{options.out}: {len(kinds) * options.count} pictures of {', '.join(kinds)}")
    emit(f"to look at: {options.out / 'sheet.png'}")
    return 0


def _made(
    options: argparse.Namespace, kinds: Sequence[str], pictures: PictureFiles, progress: Progress
) -> Pixels:
    """Write all pictures of all kinds, and return the sheet with the first of each."""
    sheet = []
    for number, kind in enumerate(kinds):
        shown = []
        for index in range(options.count):
            made, mask = _one(kind, pictures, np.random.default_rng([options.seed, number, index]))
            _write(options.out, kind, index, made, mask)
            if index < SHOWN:
                shown.append(_shown(made, mask))
            progress(number * options.count + index + 1, len(kinds) * options.count)
        sheet.append(np.hstack(shown))
    return np.vstack(sheet)


def _refuse_unless_empty(out: Path) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise CannotSynthesise(f"{out} exists and is not an empty folder: choose another place.")
    refuse_unwritable(out, "made-up defects")


def _one(kind: str, pictures: PictureFiles, rng: np.random.Generator) -> tuple[Pixels, Mask]:
    first, second = rng.integers(len(pictures), size=2)
    return KINDS[kind](pictures[int(first)].pixels, pictures[int(second)].pixels, rng)


def _write(out: Path, kind: str, index: int, made: Pixels, mask: Mask) -> None:
    for folder, name, pixels in (
        ("test", f"{index:03d}.png", made),
        ("ground_truth", f"{index:03d}_mask.png", mask.astype(np.uint8) * 255),
    ):
        place = out / folder / kind
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / name)


def _shown(made: Pixels, mask: Mask) -> Pixels:
    """uint8 (2 SIDE, SIDE, 3): the picture, and below it the same with the mask's outline."""
    small = np.asarray(cv2.resize(made, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    share = cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    inside = (share > 0).astype(np.uint8)
    outline = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    marked = small.copy()
    marked[outline] = OUTLINE
    return np.vstack([small, marked])
