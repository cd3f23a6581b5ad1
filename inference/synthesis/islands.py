"""A foreign texture in islands of Perlin noise, laid over the picture with a random opacity.

DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610) takes its textures from a large public set (DTD).
Here they come from the set itself, changed beyond recognition, or from noise
(``inference.synthesis.textures``), so that nothing has to be downloaded and no licence travels.
"""

import cv2
import numpy as np

from inference.synthesis.change import Mask, Pixels, until_visible
from inference.synthesis.noise import perlin_noise
from inference.synthesis.textures import foreign, procedural

THRESHOLD = 0.5  # of noise in -1 to 1
FINEST = 4  # lattices of 2 ** 0 to 2 ** 4 cells a side
OPACITY = (0.2, 1.0)  # as DRAEM; below, nobody sees it
FROM_THE_SET = 0.5  # how often the texture is a changed picture of the set
LARGEST = 0.25  # of the picture: more than that is another product, no defect


def perlin(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask]:
    """uint8 (H, W, 3) with islands of another texture, and what visibly changed, (H, W)."""
    return until_visible(_attempt, picture, donor, rng)


def _attempt(picture: Pixels, donor: Pixels, rng: np.random.Generator) -> Pixels:
    islands = _islands(picture.shape[:2], rng)
    from_the_set = rng.random() < FROM_THE_SET
    texture = foreign(donor, rng) if from_the_set else procedural(picture, rng)
    if not np.ptp(picture, axis=2).any():  # a grey camera never sees a coloured defect
        texture = texture.mean(axis=2, keepdims=True).astype(np.uint8)
    weight = islands[:, :, None] * rng.uniform(*OPACITY)
    mixed = (1 - weight) * picture + weight * texture.astype(np.float32)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8)


def _islands(shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """A few of the islands that rise above the threshold, LARGEST of the picture at most."""
    height, width = shape
    cells = [int(2 ** rng.integers(0, FINEST + 1)) for _ in range(2)]
    noise = perlin_noise(height, width, cells[0], cells[1], rng)
    _, labels = cv2.connectedComponents((noise > THRESHOLD).astype(np.uint8))
    sizes = np.bincount(labels.ravel())[1:]
    kept = np.zeros(len(sizes) + 1, bool)
    room, wanted = LARGEST * height * width, int(rng.integers(1, 9))
    for island in rng.permutation(len(sizes))[:wanted]:
        if sizes[island] <= room:
            kept[island + 1] = True
            room -= sizes[island]
    return np.asarray(kept[labels])
