"""A detector against labelled pictures: the figures of ``python -m inference evaluate``.

The labels are for counting only: the thresholds are those of the artefact, from held-out normals.
Pictures the detector has learnt from are left out, whatever split they are in.

Pixel figures are taken at most 256 pixels a side: the true mask is reduced by area (a pixel is
defective if at least half of it is), the heat map enlarged to the same size. Defects without a
mask count for the image figures only.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference import intervals, metrics
from inference.datasets import BadDataset, Row
from inference.detector import Detector, Progress, silent
from inference.files import UnreadableFile, content
from inference.images import BadPicture
from inference.intervals import Interval
from inference.judgement import Evaluation, Judgement
from inference.pixelmetrics import PixelTally
from inference.thresholds import part_numbers

PIXEL_SIDE = 256
SEED = 0  # of the resampling for intervals

Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trial:
    """What a detector said of each labelled picture, and how long it took, bytes to judgement."""

    rows: Sequence[Row]
    judgements: Sequence[Judgement]
    milliseconds: Sequence[float]
    seen_types: frozenset[str]  # defect types the detector has learnt from
    left_out: int  # pictures not judged because the detector has learnt from them

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        return np.array([judgement.score for judgement in self.judgements])

    @cached_property
    def defects(self) -> NDArray[np.bool_]:
        return np.array([row.is_defect for row in self.rows])

    @cached_property
    def types(self) -> list[str]:
        """Defect type of each picture; "" for good ones."""
        return [(row.defect_type or "defect") if row.is_defect else "" for row in self.rows]

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        return [judgement.evaluation for judgement in self.judgements]

    @cached_property
    def parts(self) -> Numbers:
        """The number of each picture's part or scene, from 0 on."""
        return part_numbers([row.group for row in self.rows], len(self.rows))

    @cached_property
    def independent(self) -> int:
        return int(self.parts.max()) + 1


def evaluate(
    detector: Detector, rows: Sequence[Row], *, progress: Progress = silent
) -> dict[str, Any]:
    """All figures; one that needs a class or masks that are not there is NaN."""
    return figures(tried(detector, rows, progress=progress))


def tried(detector: Detector, rows: Sequence[Row], *, progress: Progress = silent) -> Trial:
    """The detector's judgements, one by one as on a line.

    BadDataset if it has learnt from every one of these pictures, UnreadableFile if one of them
    is missing or no picture.
    """
    about = detector.about()
    fresh = not_learnt(about, rows)
    if not fresh:
        raise BadDataset(
            f"The detector has learnt from all of the {len(rows)} pictures: "
            "evaluate it on pictures that it does not know."
        )
    judgements, spent = _judged(detector, fresh, progress)
    seen = frozenset(about.get("seen_types", ()))
    return Trial(fresh, judgements, spent, seen, len(rows) - len(fresh))


def not_learnt(about: dict[str, Any], rows: Sequence[Row]) -> list[Row]:
    """The rows whose pictures a detector has not learnt from, as it says ``about`` itself."""
    learnt = frozenset(about.get("learnt", ()))
    return [row for row in rows if not learnt or _sha256(row) not in learnt]


def figures(trial: Trial) -> dict[str, Any]:
    """The figures of ``evaluate``; ``intervals`` holds (low, high) at 95 % confidence."""
    pixels, spans = _pixel_figures(trial)
    return {
        "images": len(trial.rows),
        "groups": trial.independent,
        "left_out": trial.left_out,
        **_image_figures(trial),
        **pixels,
        "intervals": _intervals(trial) | spans,
        "latency_ms": metrics.latency(trial.milliseconds),
        "images_per_second": 1000 * len(trial.rows) / sum(trial.milliseconds),
    }


def even_sample(rows: Sequence[Row], most: int | None) -> list[Row]:
    """At most ``most`` rows, spread evenly over the whole, so that all types stay in."""
    if most is None or most >= len(rows):
        return list(rows)
    return [rows[index * len(rows) // most] for index in range(most)]


def _sha256(row: Row) -> str:
    return hashlib.sha256(content(row.path)).hexdigest()


def _judged(
    detector: Detector, rows: Sequence[Row], progress: Progress
) -> tuple[list[Judgement], list[float]]:
    """Judgements and milliseconds, bytes to judgement, one by one as on a line."""
    _named(detector, rows[0], content(rows[0].path))  # the first one also pays for warming up
    judgements, spent = [], []
    for number, row in enumerate(rows, start=1):
        image = content(row.path)
        started = time.perf_counter()
        judgements.append(_named(detector, row, image))
        spent.append(1000 * (time.perf_counter() - started))
        progress(number, len(rows))
    return judgements, spent


def _named(detector: Detector, row: Row, image: bytes) -> Judgement:
    """The judgement; a picture that cannot be judged is named."""
    try:
        return detector.judge(image)
    except BadPicture as error:
        raise UnreadableFile(f"{row.path}: {error}") from error


def _image_figures(trial: Trial) -> dict[str, Any]:
    scores, defects = trial.scores, trial.defects
    return {
        "image_auroc": metrics.auroc(scores, defects),
        "image_ap": metrics.average_precision(scores, defects),
        "image_f1_max": metrics.f1_max(scores, defects),
        **metrics.gate_rates(trial.evaluations, [bool(defect) for defect in defects]),
        **_type_figures(trial),
    }


def _type_figures(trial: Trial) -> dict[str, Any]:
    """Each type, and those the detector has learnt from apart from those it never saw: a
    supervised detector is good at the first, and its worth on the line is decided by the second.
    """
    given = trial.scores, trial.types, trial.evaluations
    kinds = set(trial.types) - {""}
    each = {
        kind: {**found, "seen": kind in trial.seen_types}
        for kind, found in metrics.by_type(*given).items()
    }
    return {
        "per_defect_type": each,
        "seen_types": metrics.of_types(*given, kinds & trial.seen_types),
        "unseen_types": metrics.of_types(*given, kinds - trial.seen_types),
    }


def _intervals(trial: Trial) -> dict[str, Interval]:
    drawn = intervals.draws(trial.parts, trial.defects, seed=SEED)
    evaluations = np.array(trial.evaluations, object)
    called, passed = evaluations == Evaluation.NOT_OK, evaluations == Evaluation.OK
    good, bad = ~trial.defects, trial.defects
    return {
        **intervals.of_images(trial.scores, trial.defects, trial.parts, drawn),
        "false_call_rate": intervals.of_rate(called[good], trial.parts[good]),
        "escape_rate": intervals.of_rate(passed[bad], trial.parts[bad]),
    }


def _pixel_figures(trial: Trial) -> tuple[dict[str, float], dict[str, Interval]]:
    """Figures and their intervals, from one tally a part where that fits in memory."""
    low = min(float(judgement.heatmap.min()) for judgement in trial.judgements)
    high = max(float(judgement.heatmap.max()) for judgement in trial.judgements)
    whole, parts = PixelTally(low, high), _one_a_part(trial, low, high)
    for index, heat, truth in _maps(trial):
        whole.add(heat, truth)
        if parts:
            parts[trial.parts[index]].add(heat, truth)
    found = {
        "pixel_auroc": whole.auroc(),
        "pixel_ap": whole.average_precision(),
        "aupro": whole.aupro(),
    }
    drawn = intervals.draws(trial.parts, trial.defects, seed=SEED)
    return found, intervals.of_pixels(parts, drawn)


def _one_a_part(trial: Trial, low: float, high: float) -> list[PixelTally]:
    if trial.independent > intervals.MOST_UNITS:
        return []
    return [PixelTally(low, high) for _ in range(trial.independent)]


def _maps(trial: Trial) -> Iterator[tuple[int, Heat, Mask]]:
    """Index, heat and truth of the same size, of all pictures whose truth is known."""
    for index, (row, judgement) in enumerate(zip(trial.rows, trial.judgements, strict=True)):
        if row.is_defect and row.mask is None:
            continue
        scale = min(1.0, PIXEL_SIDE / max(judgement.width, judgement.height))
        size = (max(1, round(judgement.width * scale)), max(1, round(judgement.height * scale)))
        heat = cv2.resize(judgement.heatmap.astype(np.float32), size)
        yield index, np.asarray(heat, np.float32), _truth(row, judgement, size)


def _truth(row: Row, judgement: Judgement, size: tuple[int, int]) -> Mask:
    if row.mask is None:
        return np.zeros(size[::-1], bool)
    mask = _mask(row.mask)
    if mask.shape != (judgement.height, judgement.width):
        raise BadDataset(
            f"{row.mask} is {mask.shape[1]} x {mask.shape[0]} pixels, "
            f"its picture {judgement.width} x {judgement.height}: they must be the same."
        )
    reduced = cv2.resize((mask > 127).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced >= 0.5)


def _mask(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadDataset(f"The mask {path} is not a picture that can be read.") from error
