"""Brightness is badness: a detector without torch for tests of everything else, on any machine.

A real detector in all but its eyes: calibrated, with heat map, regions and description.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference.artefact import Tensors
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted
from inference.images import Picture
from inference.labelled import Labelled
from inference.pipeline import Sighting
from inference.thresholds import Thresholds, calibrate

CELL = 8  # pixels of the resized picture to one heat value, as the feature detectors have


@dataclass(frozen=True, eq=False)
class Stub(Fitted):
    config: dict[str, Any]
    thresholds: Thresholds

    @classmethod
    def fit(
        cls,
        pictures: Sequence[Picture],
        groups: Sequence[str] | None = None,
        *,
        backbone: str = "builtin",  # noqa: ARG003 - the stub has no eyes but takes every option
        size: int = 256,
        device: str = "auto",  # noqa: ARG003
        seed: int = 0,  # noqa: ARG003
        false_call_rate: float = 0.01,
        defects: Sequence[Labelled] = (),  # noqa: ARG003
        progress: Progress = silent,
    ) -> Self:
        """Nothing is learnt, so every normal is a held-out one."""
        scores = []
        for index, picture in enumerate(pictures):
            scores.append(float(_heat(picture.pixels, size).max()))
            progress(index + 1, len(pictures))
        thresholds = calibrate(scores, groups, false_call_rate=false_call_rate)
        config = {
            "detector": "stub",
            "backbone": "none",
            "size": size,
            "pictures": len(scores),
            "thresholds": thresholds.as_json(),
        }
        return cls(config, thresholds)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        heats = [_heat(picture.pixels, self.config["size"]) for picture in pictures]
        return [Sighting(heat, float(heat.max())) for heat in heats]

    def tensors(self) -> Tensors:
        return {}

    @classmethod
    def rebuilt(
        cls,
        config: dict[str, Any],
        tensors: Tensors,  # noqa: ARG003
        *,
        device: str = "auto",  # noqa: ARG003
    ) -> Self:
        return cls(config, Thresholds.from_json(config["thresholds"]))


def _heat(pixels: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Mean brightness 0 to 1 of each cell of a (size / 8) x (size / 8) grid over the picture."""
    side = max(1, size // CELL)
    rows, columns = (_edges(length, side) for length in pixels.shape[:2])
    grey = pixels.mean(axis=2, dtype=np.float32)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    counts = np.outer(_lengths(rows, grey.shape[0]), _lengths(columns, grey.shape[1]))
    return np.asarray(sums / counts / 255, np.float32)


def _edges(length: int, parts: int) -> NDArray[np.int64]:
    """Where each of the parts begins; fewer parts if there are fewer pixels."""
    return np.linspace(0, length, min(parts, length), endpoint=False).astype(np.int64)


def _lengths(edges: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    return np.diff(np.append(edges, length))
