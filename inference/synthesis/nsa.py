"""Natural synthetic anomalies: a patch of another good picture, blended in seamlessly.

NSA (Schlueter et al. 2022, arXiv 2109.15222): Poisson blending (Perez et al. 2003) leaves no edge
for a network to learn instead of the defect. Normal cloning, as AnomalyGPT and IAD-GPT have it:
one patch, and with even odds a second one; sides drawn from a Gamma distribution, so that small
defects are frequent and large ones occur; resized and moved before it is blended in.
"""

import cv2
import numpy as np

from inference.synthesis.change import Mask, Pixels, until_visible

SHAPE, SCALE, OFFSET = 2.0, 0.05, 0.03  # Gamma distribution of half a side, share of the picture's
WIDEST = 0.4  # of the picture, half a side
RESIZED = (0.7, 1.4)  # limits of the factor, which is drawn from N(1, 0.5)
SECOND = 0.5  # how often a second patch is blended in
SMALLEST = 6  # pixels a side, of which two are lost to the border


def nsa(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
    """uint8 (H, W, 3) with one or two patches of the donor, and what visibly changed, (H, W)."""
    return until_visible(_attempt, picture, donor, rng)


def _attempt(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> Pixels:
    blended = _with_a_patch(picture, donor, rng)
    return _with_a_patch(blended, donor, rng) if rng.random() < SECOND else blended


def _with_a_patch(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> Pixels:
    patch = _patch(donor, rng)
    height, width = patch.shape[:2]
    # A pixel of room on every side: the clone reads the neighbours of what it replaces.
    top = int(rng.integers(1, picture.shape[0] - height))
    left = int(rng.integers(1, picture.shape[1] - width))
    inside = np.zeros((height, width), np.uint8)
    inside[1:-1, 1:-1] = 255
    centre = (left + width // 2, top + height // 2)
    return np.asarray(cv2.seamlessClone(patch, picture, inside, centre, cv2.NORMAL_CLONE))


def _patch(donor: Pixels, rng: np.random.Generator) -> Pixels:
    """A rectangle cut out and resized; at least a pixel smaller than the picture on each side."""
    sides = [_side(length, rng) for length in donor.shape[:2]]
    height, width = sides
    top = int(rng.integers(0, donor.shape[0] - height + 1))
    left = int(rng.integers(0, donor.shape[1] - width + 1))
    factor = float(np.clip(rng.normal(1.0, 0.5), *RESIZED))
    target = [
        int(np.clip(round(side * factor), SMALLEST, length - 2))
        for side, length in zip(sides, donor.shape[:2], strict=True)
    ]
    cut = donor[top : top + height, left : left + width]
    return np.asarray(cv2.resize(cut, (target[1], target[0]), interpolation=cv2.INTER_LINEAR))


def _side(length: int, rng: np.random.Generator) -> int:
    half = min(rng.gamma(SHAPE, SCALE) + OFFSET, WIDEST)
    return int(np.clip(round(2 * half * length), SMALLEST, length - 2))
