"""Pictures of machined flanges as a camera above the line sees them, with defects that are known.

Each picture is rendered: a height map of the part, its slopes under a ring of lamps, the sheen of
a turned surface, then lens and sensor. A defect changes the part, not the picture, so it looks
like one; its mask is exactly where the camera sees a difference. The same seed gives the same
part, with or without the defect.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from qms.web.part_camera import (
    OVERSAMPLING,
    RIM,
    Part,
    Plane,
    difference,
    noise_line,
    picture,
    ring,
    seen,
    step,
)

DEFECTS = ("scratch", "dent", "stain", "missing_hole")

_HUB, _BORE = 0.43, 0.25  # radii; the picture reaches from -1 to 1
_HOLES, _HOLE_CIRCLE, _HOLE = 6, 0.635, 0.072
_STEPS = 80  # of a stroke
_OIL = np.array([0.66, 0.50, 0.30], np.float32)


def part(seed: int, defect: str | None, size: int = 256) -> tuple[Image.Image, Image.Image]:
    """An RGB picture and its mask (255 on the defect), the same for the same arguments."""
    if defect not in (None, *DEFECTS):
        raise ValueError(f"No such defect: {defect}. Choose from {', '.join(DEFECTS)}.")
    sound = seen(_make(seed, size, None), seed, size)
    if defect is None:
        return picture(sound, seed), Image.new("L", (size, size))
    spoilt = seen(_make(seed, size, defect), seed, size)
    return picture(spoilt, seed), difference(sound, spoilt)


def write_dataset(folder: Path, *, normals: int, defects_per_type: int, seed: int) -> Path:
    """The folders of MVTec AD, and a manifest.csv that names every picture; gives the manifest."""
    rows = [
        _write(folder, seed * 100_000 + number, number, split, defect)
        for number, (split, defect) in enumerate(_plan(normals, defects_per_type))
    ]
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def _plan(normals: int, defects_per_type: int) -> Iterator[tuple[str, str | None]]:
    """Every fifth sound part is kept for the test."""
    for number in range(normals):
        yield ("test" if number % 5 == 4 else "train"), None
    for defect in DEFECTS:
        for _ in range(defects_per_type):
            yield "test", defect


def _write(folder: Path, seed: int, number: int, split: str, defect: str | None) -> dict[str, str]:
    image, mask = part(seed, defect)
    kind, name = defect or "good", f"{number:04d}"
    path = Path(split, kind, f"{name}.png")
    mask_path = Path("ground_truth", kind, f"{name}_mask.png")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(folder / path)
    if defect:
        (folder / mask_path).parent.mkdir(parents=True, exist_ok=True)
        mask.save(folder / mask_path)
    return {
        "path": str(path),
        "split": split,
        "label": "defect" if defect else "good",
        "defect_type": defect or "",
        "mask": str(mask_path) if defect else "",
        "group": f"part-{name}",
    }


# --- the part ---


def _make(seed: int, size: int, defect: str | None) -> Part:
    random = np.random.default_rng([seed, 0])
    x, y = _lie_down(random, size * OVERSAMPLING)
    chance = np.random.default_rng([seed, 1])
    left_out = int(chance.integers(_HOLES)) if defect == "missing_hole" else None
    made = _turn_and_drill(x, y, left_out)
    _add_tool_marks(made, random)
    if defect == "scratch":
        _scratch(made, chance)
    elif defect == "dent":
        _dent(made, chance)
    elif defect == "stain":
        _stain(made, chance)
    return made


def _lie_down(random: np.random.Generator, pixels: int) -> tuple[Plane, Plane]:
    """The fixture holds the part nearly, not quite, in the same place."""
    turn = np.deg2rad(random.normal(0, 1.5))
    zoom = 1 + random.normal(0, 0.004)
    shift = random.normal(0, 0.008, 2)
    line = np.linspace(-1, 1, pixels, dtype=np.float32)
    column, row = np.meshgrid(line, line)
    u, v = (column - shift[0]) / zoom, (row - shift[1]) / zoom
    x = np.cos(turn) * u + np.sin(turn) * v
    y = np.cos(turn) * v - np.sin(turn) * u
    return x.astype(np.float32), y.astype(np.float32)


def _turn_and_drill(x: Plane, y: Plane, left_out: int | None) -> Part:
    radius = np.hypot(x, y)
    height = 0.045 * (1 - step(radius, _HUB, 0.03))  # the hub stands proud
    height -= 0.030 * step(radius, RIM - 0.035, 0.035)  # outer chamfer
    height -= 0.035 * (1 - step(radius, _BORE, 0.045))  # chamfer of the bore
    height -= 0.016 * ring(radius, 0.515, 0.011)  # groove of the seal
    height -= 0.006 * ring(radius, 0.335, 0.004)
    body = (1 - step(radius, RIM, 0.008)) * step(radius, _BORE - 0.004, 0.008)
    for far in _distances_to_holes(x, y, left_out):
        height -= 0.022 * (1 - step(far, _HOLE, 0.022))  # countersink
        body *= step(far, _HOLE - 0.004, 0.008)
    pin = np.hypot(x - _HOLE_CIRCLE * np.cos(np.pi / 6), y - _HOLE_CIRCLE * np.sin(np.pi / 6))
    body *= step(pin, 0.026, 0.008)
    ones = np.ones_like(radius)
    return Part(x, y, height, body, ones, np.repeat(ones[..., None], 3, axis=2))


def _distances_to_holes(x: Plane, y: Plane, left_out: int | None) -> Iterator[Plane]:
    for number in range(_HOLES):
        if number != left_out:
            angle = 2 * np.pi * number / _HOLES
            yield np.hypot(x - _HOLE_CIRCLE * np.cos(angle), y - _HOLE_CIRCLE * np.sin(angle))


def _add_tool_marks(made: Part, random: np.random.Generator) -> None:
    """Rings left by the lathe: fine, uneven, and a little different on each part."""
    fine = noise_line(random, 1400, 1.2)
    broad = noise_line(random, 1400, 14)
    where = made.radius * 1000
    marks = np.interp(where, np.arange(1400), fine + 0.6 * broad).astype(np.float32)
    angle = np.arctan2(made.y, made.x)
    made.tint *= (1 + 0.030 * marks * (1 + 0.25 * np.sin(angle * 3 + marks)))[..., None]
    made.height += 0.00030 * marks


# --- the defects ---


def _scratch(made: Part, chance: np.random.Generator) -> None:
    """A burr has been dragged over the face: one long mark, sometimes a second beside it."""
    begin, length = chance.uniform(0, 2 * np.pi), chance.uniform(0.35, 0.65)
    heading = begin + np.pi / 2 + chance.uniform(-0.7, 0.7)
    bend = chance.uniform(-0.9, 0.9)
    start = np.array([np.cos(begin), np.sin(begin)]) * chance.uniform(0.55, 0.70)
    for beside in range(int(chance.integers(1, 3))):
        shade = _stroke(made, start + 0.022 * beside, heading, length * (1 - 0.4 * beside), bend)
        made.height -= 0.011 * shade * made.body
        made.tint *= (1 - 0.12 * shade * made.body)[..., None]
        made.polish *= 1 - 0.8 * shade


def _stroke(
    made: Part, start: npt.NDArray[np.float64], heading: float, length: float, bend: float
) -> Plane:
    """1 along a bent line that thins out at both ends, 0 elsewhere."""
    shade = np.zeros_like(made.x)
    at = start - length / 2 * np.array([np.cos(heading), np.sin(heading)])
    for number in range(_STEPS):
        heading += bend / _STEPS
        at = at + length / _STEPS * np.array([np.cos(heading), np.sin(heading)])
        width = 0.0032 + 0.0042 * np.sin(np.pi * (number + 0.5) / _STEPS)
        near = _window(made, at, 5 * width)
        far = (made.x[near] - at[0]) ** 2 + (made.y[near] - at[1]) ** 2
        shade[near] = np.maximum(shade[near], np.exp(-far / (2 * width**2)))
    return shade


def _window(made: Part, at: npt.NDArray[np.float64], reach: float) -> tuple[slice, slice]:
    """The rows and columns around a place: most of the picture is far from any defect."""
    far = (made.x - at[0]) ** 2 + (made.y - at[1]) ** 2
    row, column = np.unravel_index(int(far.argmin()), far.shape)
    pixels = 2 + int(reach * far.shape[0] / 2)
    return (
        slice(max(0, int(row) - pixels), int(row) + pixels),
        slice(max(0, int(column) - pixels), int(column) + pixels),
    )


def _dent(made: Part, chance: np.random.Generator) -> None:
    """Something hard fell on the face: a bowl with a raised lip, never quite round."""
    angle = np.pi / 6 + np.pi / 3 * chance.integers(1, 6) + chance.uniform(-0.15, 0.15)
    at = np.array([np.cos(angle), np.sin(angle)]) * chance.uniform(0.58, 0.68)
    reach, stretch, lean = chance.uniform(0.040, 0.062), chance.uniform(1.05, 1.35), angle + 0.8
    dx, dy = made.x - at[0], made.y - at[1]
    along = (np.cos(lean) * dx + np.sin(lean) * dy) / stretch
    across = (np.cos(lean) * dy - np.sin(lean) * dx) * stretch
    far = np.hypot(along, across + 0.25 * along**2 / reach) / reach
    bowl, lip = np.exp(-(far**3)), np.exp(-((far - 1.45) ** 2) * 10)
    made.height += 0.006 * lip - 0.024 * bowl
    made.polish *= 1 - 0.6 * bowl


def _stain(made: Part, chance: np.random.Generator) -> None:
    """Coolant has dried: a brown film, darker at its edge, through which the metal shows."""
    angle = chance.uniform(0, 2 * np.pi)
    at = np.array([np.cos(angle), np.sin(angle)]) * chance.uniform(0.48, 0.66)
    reach = chance.uniform(0.06, 0.10)
    wet = np.zeros_like(made.x)
    for _ in range(7):  # drops that run into one another
        drop = at + chance.normal(0, 0.75 * reach, 2)
        far = (made.x - drop[0]) ** 2 + (made.y - drop[1]) ** 2
        wet += np.exp(-far / (reach * chance.uniform(0.45, 1.0)) ** 2)
    film = step(wet, 0.36, 0.22) * (0.45 + 0.30 * np.exp(-(((wet - 0.60) / 0.22) ** 2)))
    film *= made.body
    made.tint *= 1 - film[..., None] * (1 - _OIL)
    made.polish *= 1 - 0.5 * film
