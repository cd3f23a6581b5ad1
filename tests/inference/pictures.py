"""Pictures made on the spot, and where the real ones lie."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from inference.images import Picture, PictureFacts

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WEIGHTS = DATA.parent / "weights" / "mobilenetv2_100" / "model.safetensors"


def real(name: str) -> Path:
    """The folder of a real data set, or a skip that says so."""
    if not (DATA / name).is_dir():
        pytest.skip(f"no real pictures of {name} on this machine")
    return DATA / name


def picture(pixels: NDArray[np.uint8]) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(pixels, PictureFacts("PNG", width, height, "RGB"))


def noise(seed: int, height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def batch(side: int = 64, count: int = 2) -> torch.Tensor:
    """uint8 (count, 3, side, side), as a backbone takes it."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def texture(seed: int, size: int = 128) -> NDArray[np.uint8]:
    """A good part: soft stripes with a little noise, each a bit different."""
    rng = np.random.default_rng(seed)
    x = np.arange(size) + rng.uniform(0, 16)
    stripes = 110 + 30 * np.sin(2 * np.pi * x / 16)
    grey = stripes[None, :] + rng.normal(0, 4, (size, size))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def scratched(seed: int, size: int = 128) -> NDArray[np.uint8]:
    """A bad part: the same with a bright bar at the lower right."""
    pixels = texture(seed, size)
    pixels[80:92, 70:110] = 235
    return pixels


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def png(pixels: NDArray[np.uint8]) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG")
