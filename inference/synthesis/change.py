"""What a made-up defect really changed: the label is taken from the pixels, not from the intent.

A patch pasted where the surface looks the same is no defect, and calling it one would teach a
network to see things. So the mask is what the eye can tell: the change of the strongest channel,
median-filtered (NSA, Schlueter et al. 2022, arXiv 2109.15222, labels by the intensity change).
On a rough surface more change is needed: grain exchanged for other grain is not seen.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

VISIBLE = 10.0  # grey values of 255 on a smooth surface; the noise of a camera lies below
ROUGH = 2.5  # more of them for each grey value of the surface's own grain
BORDER = 2  # pixels round the mask that a soft edge may change
LEAST = 12  # pixels: a smaller change is no defect that anyone would mark
TRIES = 8  # patches tried until one is visible
SMALLEST_SIDE = 16  # pixels of a picture, as ``inference.images`` has it

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Attempt = Callable[[Pixels, Pixels, np.random.Generator], Pixels]


def until_visible(
    attempt: Attempt, picture: Pixels, donor: Pixels, rng: np.random.Generator
) -> tuple[Pixels, Mask]:
    """The first of a few attempts that can be seen; a plain stain if none can.

    ValueError for a picture that is not uint8 (H, W, 3) of at least 16 x 16 pixels.
    """
    _refuse_what_is_no_picture(picture)
    fitting = _of_the_same_size(donor, picture)
    for _ in range(TRIES):
        changed = attempt(picture, fitting, rng)
        mask = visible(picture, changed)
        if mask.sum() >= LEAST and _mostly_changed(picture, changed, mask):
            return only_there(picture, changed, mask), mask
    changed = _stained(picture, rng)
    mask = (changed != picture).any(axis=2)
    return changed, mask


def visible(before: Pixels, after: Pixels) -> Mask:
    """(H, W): where ``after`` differs from ``before`` by more than noise does."""
    difference = cv2.absdiff(before, after).max(axis=2)
    return np.asarray(cv2.medianBlur(difference, 5) > VISIBLE + ROUGH * _grain(before))


def _mostly_changed(before: Pixels, after: Pixels, mask: Mask) -> bool:
    """Speckles that the median filter joined are no place of which one could say: here it is."""
    return bool((before != after).any(axis=2)[mask].mean() > 0.5)


def _grain(picture: Pixels) -> float:
    """How far a pixel usually is from the mean of its surroundings, in grey values."""
    grey = picture.mean(axis=2, dtype=np.float32)
    return float(np.median(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))))


def only_there(before: Pixels, after: Pixels, mask: Mask) -> Pixels:
    """``after`` inside the mask and its border, ``before`` everywhere else."""
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((2 * BORDER + 1,) * 2, np.uint8)) > 0
    return np.where(wide[:, :, None], after, before)


def _stained(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """A disc that is plainly darker or brighter, whichever the picture has room for."""
    height, width = picture.shape[:2]
    radius = max(3, min(height, width) // 16)
    row, column = rng.integers(radius, height - radius), rng.integers(radius, width - radius)
    rows, columns = np.ogrid[:height, :width]
    disc = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    step = 64 if picture[disc].mean() < 128 else -64
    stained = picture.copy()
    stained[disc] = np.clip(picture[disc].astype(np.int16) + step, 0, 255).astype(np.uint8)
    return stained


def _of_the_same_size(donor: Pixels, picture: Pixels) -> Pixels:
    _refuse_what_is_no_picture(donor)
    if donor.shape == picture.shape:
        return donor
    return np.asarray(cv2.resize(donor, picture.shape[1::-1], interpolation=cv2.INTER_AREA))


def _refuse_what_is_no_picture(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError("a defect is made on a picture of uint8 (height, width, 3)")
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"a picture needs at least {SMALLEST_SIDE} pixels a side")
