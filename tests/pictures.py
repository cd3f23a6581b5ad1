"""Pictures for tests, and where the real ones lie. Knows no Django."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from inference.images import Picture, decode

NORMAL, UNCLEAR, DEFECT = 20, 27, 200  # brightness of a picture, as the stub sees it

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def picture(brightness: int = NORMAL, *, seed: int = 0, size: int = 64, kind: str = "PNG") -> bytes:
    """A grey picture; a bright one has a bright square on dark ground."""
    noise = np.random.default_rng(seed).integers(0, 3, (size, size, 3))
    pixels = np.full((size, size, 3), min(brightness, NORMAL + 10)) + noise
    if brightness > NORMAL + 10:
        pixels[size // 2 : size // 2 + size // 4, size // 8 : size // 2] = brightness
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, kind)
    return out.getvalue()


def decoded(brightness: int = NORMAL, *, seed: int = 0) -> Picture:
    return decode(picture(brightness, seed=seed))
