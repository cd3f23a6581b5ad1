"""A patch of a good picture pasted somewhere else, edges and all; or a narrow, turned scar of it.

CutPaste (Li et al. 2021, arXiv 2104.04015): a patch of 2 to 15 % of the picture, sides up to
1 : 3.3, colours jittered by 10 %; a scar of 2 to 16 by 10 to 25 pixels in a picture of 256, here
in shares of the picture's side and up to twice as long, turned by up to 45 degrees.
"""

import math

import cv2
import numpy as np

from inference.synthesis.change import Mask, Pixels, until_visible

AREA = (0.005, 0.15)  # of the picture; the paper begins at 0.02, but real defects are smaller
ASPECT = 3.3
SCAR_WIDTH, SCAR_LENGTH = (2 / 256, 16 / 256), (10 / 256, 50 / 256)  # of the shorter side
TURN = 45.0  # degrees to either side
JITTER = 0.1
SCAR = 0.5  # how often it is a scar


def cutpaste(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
    """uint8 (H, W, 3) with a patch or scar of the donor, and what visibly changed, (H, W)."""
    return until_visible(_attempt, picture, donor, rng)


def _attempt(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> Pixels:
    if rng.random() < SCAR:
        patch = _jittered(_cut(donor, *_scar_sides(donor, rng), rng), rng)
        return _pasted(picture, *_turned(patch, rng.uniform(-TURN, TURN)), rng)
    patch = _jittered(_cut(donor, *_patch_sides(donor, rng), rng), rng)
    return _pasted(picture, patch, np.ones(patch.shape[:2], bool), rng)


def _patch_sides(donor: Pixels, rng: np.random.Generator) -> tuple[int, int]:
    height, width = donor.shape[:2]
    area = rng.uniform(*AREA) * height * width
    aspect = math.exp(rng.uniform(-math.log(ASPECT), math.log(ASPECT)))
    rows, columns = math.sqrt(area * aspect), math.sqrt(area / aspect)
    return _within(rows, height), _within(columns, width)


def _scar_sides(donor: Pixels, rng: np.random.Generator) -> tuple[int, int]:
    """Length and width; a scar stands upright before it is turned, or lies, with even odds."""
    shorter = min(donor.shape[:2])
    sides = [rng.uniform(*SCAR_LENGTH) * shorter, rng.uniform(*SCAR_WIDTH) * shorter]
    rows, columns = sides if rng.random() < 0.5 else sides[::-1]
    return _within(rows, shorter), _within(columns, shorter)


def _within(side: float, length: int) -> int:
    return int(np.clip(round(side), 2, length))


def _cut(donor: Pixels, rows: int, columns: int, rng: np.random.Generator) -> Pixels:
    top = int(rng.integers(0, donor.shape[0] - rows + 1))
    left = int(rng.integers(0, donor.shape[1] - columns + 1))
    return donor[top : top + rows, left : left + columns]


def _jittered(patch: Pixels, rng: np.random.Generator) -> Pixels:
    """Brightness, contrast and colour strength each changed by up to a tenth."""
    brightness, contrast, strength = rng.uniform(1 - JITTER, 1 + JITTER, 3)
    values = patch.astype(np.float32) * brightness
    values = (values - values.mean()) * contrast + values.mean()
    grey = values.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey + (values - grey) * strength, 0, 255), np.uint8)


def _turned(patch: Pixels, degrees: float) -> tuple[Pixels, Mask]:
    """The patch in a square that holds it at every angle, and where in the square it is."""
    height, width = patch.shape[:2]
    side = math.ceil(math.hypot(height, width))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix = matrix + np.array([[0, 0, (side - width) / 2], [0, 0, (side - height) / 2]])
    turned = cv2.warpAffine(patch, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix, (side, side))
    return np.asarray(turned), np.asarray(there > 127)


def _pasted(picture: Pixels, patch: Pixels, there: Mask, rng: np.random.Generator) -> Pixels:
    """The patch somewhere in the picture; what of a turned scar has no room is cut off."""
    rows, columns = (min(a, b) for a, b in zip(there.shape, picture.shape[:2], strict=True))
    patch, there = patch[:rows, :columns], there[:rows, :columns]
    top = int(rng.integers(0, picture.shape[0] - rows + 1))
    left = int(rng.integers(0, picture.shape[1] - columns + 1))
    changed = picture.copy()
    changed[top : top + rows, left : left + columns][there] = patch[there]
    return changed
