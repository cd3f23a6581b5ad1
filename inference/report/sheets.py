"""Sheets of pictures for an evaluation report: each picture beside its heat, with its outline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from inference.files import picture
from inference.judgement import Judgement
from inference.report.charts import drawing

SIDE = 420  # pixels of the longer side of a picture on a sheet
DOTS = 110  # per inch: enough for photographs
COLUMNS = 2  # cases side by side
SKY, YELLOW = "#56B4E9", "#F0E442"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Case:
    path: Path
    name: str  # as the reader knows the file
    says: str  # type, or "good"
    judgement: Judgement
    mask: Path | None = None


def sheet(path: Path, title: str, cases: Sequence[Case]) -> None:
    """One PNG with all cases, first on the top left."""
    rows = -(-len(cases) // COLUMNS)
    with drawing(path, 11.0, 0.9 + 2.95 * rows, DOTS) as figure:
        grid = figure.subplots(rows, 2 * COLUMNS, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for index, case in enumerate(cases):
            _draw(grid[2 * index], grid[2 * index + 1], case)
        figure.suptitle(title, x=0.01, ha="left", fontsize=14)
        figure.legend(handles=_handles(), loc="outside lower left", ncols=3)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=SKY, linewidth=2, label="heat above the lower threshold"),
        Line2D([], [], color=SKY, linestyle=":", linewidth=2, label="hottest place, below it"),
        Line2D([], [], color=YELLOW, linestyle="--", linewidth=2, label="true outline"),
    ]


def _draw(left: Axes, right: Axes, case: Case) -> None:
    pixels = _small(picture(case.path).pixels)
    heat = cv2.resize(case.judgement.heatmap.astype(np.float32), pixels.shape[1::-1])
    left.imshow(pixels)
    left.set_title(f"{_short(case.name)}\n{case.says}", fontsize=9.5, pad=4)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    right.imshow(grey)
    top = max(case.judgement.threshold_not_ok, float(heat.max()))
    right.imshow(heat, cmap="inferno", alpha=0.55, vmin=float(heat.min()), vmax=top)
    _outline(right, np.asarray(heat, np.float32), case.judgement.threshold_ok)
    if case.mask is not None:
        _true_outline(right, case.mask, pixels.shape[:2])
    evaluation = case.judgement.evaluation.replace("_", " ")
    limits = f"{case.judgement.threshold_ok:.3g} / {case.judgement.threshold_not_ok:.3g}"
    says = f"{evaluation}, score {case.judgement.score:.3g}\nthresholds {limits}"
    right.set_title(says, fontsize=9.5, pad=4)


def _outline(axes: Axes, heat: NDArray[np.float32], threshold: float) -> None:
    """Where the heat passes the lower threshold; else, dotted, the hottest place there is."""
    low, high = float(np.median(heat)), float(heat.max())
    if high > threshold:
        axes.contour(heat, [threshold], colors=SKY, linewidths=2)
    elif high > low:
        axes.contour(heat, [low + 0.8 * (high - low)], colors=SKY, linewidths=2, linestyles=":")


def _true_outline(axes: Axes, mask: Path, shape: tuple[int, ...]) -> None:
    with Image.open(mask) as image:
        truth = np.asarray(image.convert("L"))
    height, width = shape
    reduced = cv2.resize(
        (truth > 127).astype(np.float32), (width, height), None, 0, 0, cv2.INTER_AREA
    )
    if reduced.max() > 0.3 and reduced.min() < 0.3:
        axes.contour(reduced, [0.3], colors=YELLOW, linewidths=1.6, linestyles="--")


def _small(pixels: Pixels) -> Pixels:
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    size = tuple(max(1, round(length * scale)) for length in pixels.shape[1::-1])
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _short(name: str) -> str:
    return name if len(name) <= 34 else f"…{name[-33:]}"
