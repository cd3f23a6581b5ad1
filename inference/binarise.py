"""Heat map to mask: main-element binarisation (MEBin, AnomalyNCD, arXiv 2410.14379, section 3).

A real defect keeps its number of connected parts over a wide range of thresholds, while noise
falls apart at once. The threshold is the low end of the longest interval with one and the same
number of parts.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

STEPS = 48
SHORTEST = 4  # steps; a shorter interval is chance

Heat = NDArray[np.float32]


def threshold(heat: Heat, floor: float) -> float:
    """Where to cut a (h, w) heat map; never below ``floor``.

    Differs from the paper in that the scan ends at ``floor`` (its own maps have no scale, ours
    have) and that without a stable interval the cut lies half-way, instead of at nothing: the
    gate has already decided that there is something to show.
    """
    top = max(float(heat.max()), floor)
    cuts = np.linspace(top, floor, STEPS + 1)[1:]
    counts = [_parts(heat >= cut) for cut in cuts]
    first, length = longest_run(counts)
    if length < SHORTEST:
        return float(cuts[STEPS // 2])
    return float(cuts[first + length - 1])


def longest_run(counts: list[int]) -> tuple[int, int]:
    """(start, length) of the longest run of one value; the later of two equally long ones."""
    best, start = (0, 0), 0
    for index in range(len(counts)):
        if counts[index] != counts[start]:
            start = index
        if index - start + 1 >= best[1]:
            best = (start, index - start + 1)
    return best


def _parts(mask: NDArray[np.bool_]) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1
