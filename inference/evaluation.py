"""A detector against labelled pictures: the figures of ``python -m inference evaluate``.

Pixel figures are taken at most 256 pixels a side: the true mask is reduced by area (a pixel is
defective if at least half of it is), the heat map enlarged to the same size. Defects without a
mask count for the image figures only.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference import metrics
from inference.datasets import BadDataset, Row
from inference.detector import Detector, Progress, silent
from inference.judgement import Judgement
from inference.pixelmetrics import PixelTally

PIXEL_SIDE = 256

Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]


def evaluate(
    detector: Detector, rows: Sequence[Row], *, progress: Progress = silent
) -> dict[str, Any]:
    """All figures; one that needs a class or masks that are not there is NaN."""
    judgements, spent = _judged(detector, rows, progress)
    return {
        "images": len(rows),
        **_image_figures(rows, judgements),
        **_pixel_figures(rows, judgements),
        "latency_ms": metrics.latency(spent),
        "images_per_second": 1000 * len(spent) / sum(spent),
    }


def even_sample(rows: Sequence[Row], most: int | None) -> list[Row]:
    """At most ``most`` rows, spread evenly over the whole, so that all types stay in."""
    if most is None or most >= len(rows):
        return list(rows)
    return [rows[index * len(rows) // most] for index in range(most)]


def _judged(
    detector: Detector, rows: Sequence[Row], progress: Progress
) -> tuple[list[Judgement], list[float]]:
    """Judgements and milliseconds, bytes to judgement, one by one as on a line."""
    detector.judge(rows[0].path.read_bytes())  # the first one also pays for warming up
    judgements, spent = [], []
    for number, row in enumerate(rows, start=1):
        image = row.path.read_bytes()
        started = time.perf_counter()
        judgements.append(detector.judge(image))
        spent.append(1000 * (time.perf_counter() - started))
        progress(number, len(rows))
    return judgements, spent


def _image_figures(rows: Sequence[Row], judgements: Sequence[Judgement]) -> dict[str, Any]:
    scores = [judgement.score for judgement in judgements]
    evaluations = [judgement.evaluation for judgement in judgements]
    defects = [row.is_defect for row in rows]
    types = [(row.defect_type or "defect") if row.is_defect else "" for row in rows]
    return {
        "image_auroc": metrics.auroc(scores, defects),
        "image_ap": metrics.average_precision(scores, defects),
        "image_f1_max": metrics.f1_max(scores, defects),
        **metrics.gate_rates(evaluations, defects),
        "per_defect_type": metrics.by_type(scores, types, evaluations),
    }


def _pixel_figures(rows: Sequence[Row], judgements: Sequence[Judgement]) -> dict[str, float]:
    tally = PixelTally(
        low=min(float(judgement.heatmap.min()) for judgement in judgements),
        high=max(float(judgement.heatmap.max()) for judgement in judgements),
    )
    for heat, truth in _maps(rows, judgements):
        tally.add(heat, truth)
    return {
        "pixel_auroc": tally.auroc(),
        "pixel_ap": tally.average_precision(),
        "aupro": tally.aupro(),
    }


def _maps(rows: Sequence[Row], judgements: Sequence[Judgement]) -> Iterator[tuple[Heat, Mask]]:
    """Heat and truth of the same size, of all pictures whose truth is known."""
    for row, judgement in zip(rows, judgements, strict=True):
        if row.is_defect and row.mask is None:
            continue
        scale = min(1.0, PIXEL_SIDE / max(judgement.width, judgement.height))
        size = (max(1, round(judgement.width * scale)), max(1, round(judgement.height * scale)))
        heat = cv2.resize(judgement.heatmap.astype(np.float32), size)
        yield np.asarray(heat, np.float32), _truth(row, judgement, size)


def _truth(row: Row, judgement: Judgement, size: tuple[int, int]) -> Mask:
    if row.mask is None:
        return np.zeros(size[::-1], bool)
    with Image.open(row.mask) as image:
        mask = np.asarray(image.convert("L"))
    if mask.shape != (judgement.height, judgement.width):
        raise BadDataset(
            f"{row.mask} is {mask.shape[1]} x {mask.shape[0]} pixels, "
            f"its picture {judgement.width} x {judgement.height}: they must be the same."
        )
    reduced = cv2.resize((mask > 127).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced >= 0.5)
