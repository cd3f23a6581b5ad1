"""Stored pixel values to upright 8-bit RGB. Each kind of value has one fixed scale.

The scale belongs to the type and never to the picture (no stretching between the darkest and the
brightest pixel), because a part that is darker than yesterday must look darker to the detector.

- 8 bit and less: as it is. 16-bit RGB: the upper byte (Pillow's decoder).
- 16-bit grey, also when stored in 32-bit integers: divided by 257. A camera that fills only
  12 of the 16 bits therefore gives a dark picture; it must shift its values before sending.
- Float grey: 0 to 1 is black to white; other values are refused, for their scale is unknown.
- Transparency lies on white, as every viewer shows it.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.generic]

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_TRANSPARENT = ("LA", "PA", "RGBA", "La", "RGBa")


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of a loaded image; ValueError says what cannot be brought to a scale."""
    if image.mode in _SIXTEEN_BIT:
        return _grey(_from_sixteen_bits(np.asarray(image)))
    if image.mode == "F":
        return _grey(_from_unit_floats(np.asarray(image)))
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        return _on_white(image)
    return np.asarray(image.convert("RGB"))


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo EXIF orientation 1 to 8: how the stored rows and columns lie in the scene."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    turned = pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return np.ascontiguousarray(turned)


def _from_sixteen_bits(values: Values) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65535:
        raise ValueError("The picture has grey values outside 0 to 65535")
    return ((wide + 128) // 257).astype(np.uint8)


def _from_unit_floats(values: Values) -> NDArray[np.uint8]:
    floats = values.astype(np.float64)
    if not np.isfinite(floats).all() or floats.min() < 0 or floats.max() > 1:
        raise ValueError("The picture has floating-point grey values outside 0 to 1")
    return np.rint(floats * 255).astype(np.uint8)


def _grey(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(values[:, :, None], 3, axis=2)


def _on_white(image: Image.Image) -> NDArray[np.uint8]:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
