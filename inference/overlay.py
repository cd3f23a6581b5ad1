"""The heat map and the outlines of the regions drawn on the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.judgement import Judgement

STRENGTH = 0.45  # of the heat's colour where it is hottest

Pixels = NDArray[np.uint8]


def draw(pixels: Pixels, judgement: Judgement) -> Pixels:
    """A new (H, W, 3) RGB picture.

    Colour begins at the lower threshold and is full at twice the upper one, so that the same
    colour means the same score on every picture.
    """
    height, width = pixels.shape[:2]
    heat = cv2.resize(judgement.heatmap.astype(np.float32), (width, height))
    span = max(2 * judgement.threshold_not_ok - judgement.threshold_ok, 1e-6)
    level = np.clip((heat - judgement.threshold_ok) / span, 0, 1)[:, :, None]
    colour = cv2.applyColorMap((255 * level[:, :, 0]).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = STRENGTH * (level > 0)
    mixed = pixels * (1 - weight) + colour[:, :, ::-1] * weight
    return _outlined(np.ascontiguousarray(mixed.astype(np.uint8)), judgement)


def _outlined(drawn: Pixels, judgement: Judgement) -> Pixels:
    thick = max(1, round(max(drawn.shape) / 400))
    for region in judgement.regions:
        outline = np.array(region.contour, np.int32)[:, None]
        cv2.polylines(drawn, [outline], isClosed=True, color=(0, 255, 255), thickness=thick)
    return drawn
