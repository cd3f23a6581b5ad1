"""Textures for made-up defects: a good picture changed beyond recognition, or noise.

The changes are those of DRAEM (three of them drawn for each texture), written anew for NumPy.
"""

from collections.abc import Callable

import cv2
import numpy as np

from inference.synthesis.change import Pixels
from inference.synthesis.noise import perlin_noise

OCTAVES = 4
CHANGES = 3  # drawn without repetition


def foreign(donor: Pixels, rng: np.random.Generator) -> Pixels:
    """uint8 of the donor's shape: three drawn changes, one after the other."""
    texture = donor
    for index in rng.permutation(len(_CHANGES))[:CHANGES]:
        texture = _CHANGES[index](texture, rng)
    return texture


def procedural(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """uint8 (H, W, 3): clouds of several sizes between two colours.

    With even odds the colours are shades of the picture's own, as stains and pores are.
    """
    height, width = picture.shape[:2]
    cells, clouds = int(2 ** rng.integers(0, 4)), np.zeros((height, width))
    for octave in range(OCTAVES):
        finer = cells * 2**octave
        clouds += perlin_noise(height, width, finer, finer, rng) * rng.uniform(0.3, 1.0)
    clouds = (clouds - clouds.min()) / max(float(np.ptp(clouds)), 1e-6)
    dark, bright = _colours(picture, rng)
    return np.asarray(dark + clouds[:, :, None] * (bright - dark), np.uint8)


def _colours(picture: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    if rng.random() < 0.5:
        first, second = rng.integers(0, 256, (2, 3))
    else:
        mean = picture.mean(axis=(0, 1))
        first, second = (np.clip(mean * rng.uniform(0, 2), 0, 255) for _ in range(2))
    return first.astype(np.float64), second.astype(np.float64)


def _turned(texture: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = texture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-90, 90), 1.0)
    turned = cv2.warpAffine(texture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned)


def _mirrored(texture: Pixels, rng: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(texture[:, ::-1] if rng.random() < 0.5 else texture[::-1])


def _inverted(texture: Pixels, rng: np.random.Generator) -> Pixels:
    """Values above a drawn grey value are turned over."""
    return np.where(texture > rng.integers(32, 129), 255 - texture, texture)


def _posterised(texture: Pixels, rng: np.random.Generator) -> Pixels:
    step = int(2 ** rng.integers(5, 8))
    return np.asarray(texture // step * step + step // 2, np.uint8)


def _brightened(texture: Pixels, rng: np.random.Generator) -> Pixels:
    bent = 255 * (texture / 255.0) ** np.exp(rng.uniform(-1, 1)) + rng.uniform(-60, 60)
    return np.asarray(np.clip(bent, 0, 255), np.uint8)


def _tinted(texture: Pixels, rng: np.random.Generator) -> Pixels:
    return np.asarray(np.clip(texture * rng.uniform(0.5, 1.5, 3), 0, 255), np.uint8)


def _stretched(texture: Pixels, rng: np.random.Generator) -> Pixels:
    values = texture.astype(np.float64)
    low, high = np.percentile(values, 1), np.percentile(values, 99)
    wide = (values - low) * 255 / max(high - low, 1.0) * rng.uniform(0.8, 1.2)
    return np.asarray(np.clip(wide, 0, 255), np.uint8)


def _zoomed(texture: Pixels, rng: np.random.Generator) -> Pixels:
    """A part of it at the size of the whole: grain of another size."""
    height, width = texture.shape[:2]
    rows, columns = (max(4, int(side * rng.uniform(0.15, 0.6))) for side in (height, width))
    top = int(rng.integers(0, height - rows + 1))
    left = int(rng.integers(0, width - columns + 1))
    return np.asarray(cv2.resize(texture[top : top + rows, left : left + columns], (width, height)))


_CHANGES: list[Callable[[Pixels, np.random.Generator], Pixels]] = [
    _turned, _mirrored, _inverted, _posterised, _brightened, _tinted, _stretched, _zoomed,
]  # fmt: skip
