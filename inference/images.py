"""Bytes to an upright RGB picture, and the guards before it. Knows no torch and no detector.

``inspect_header`` is cheap enough for the web process; ``decode`` does the whole work. Both
refuse with BadPicture, whose message is a sentence for the person who sent the file.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from inference.faults import Fault
from inference.pixels import to_rgb, upright
from inference.plain_png import without_metadata

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 40_000_000
MIN_SIDE = 16

_PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA")  # of any value there is one known colour

_SEND = "send a JPEG, PNG, WEBP, BMP or TIFF file"
_AGAIN = "save it again and send the new file"

# Pillow only warns between one and two times its limit; a picture that large is refused here.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

# What people send by mistake, by how the file begins.
_LOOKALIKES = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF animation"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
)


class BadPicture(Fault):
    """One sentence for the sender: what is wrong with the file, and what to do."""


@dataclass(frozen=True)
class PictureFacts:
    """Width and height are those of the upright picture, where the orientation is in the header."""

    format: str
    width: int
    height: int
    mode: str  # as stored: "L", "RGB", "I;16", ...


@dataclass(frozen=True, eq=False)
class Picture:
    """``pixels`` is uint8 (H, W, 3), RGB, upright."""

    pixels: NDArray[np.uint8]
    facts: PictureFacts

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def inspect_header(data: bytes, *, max_bytes: int = MAX_BYTES) -> PictureFacts:
    """Refuse what cannot be judged, without decoding a large picture in full.

    A cut-off file is found by a decode at 1/8 scale (JPEG), by the checksums of all chunks (PNG)
    or by a plain load (the rest), which also finds values that no scale is known for.
    """
    with _opened(data, max_bytes) as image:
        facts = _facts(image)
        _load_cheaply(image)
    return facts


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> Picture:
    """The upright RGB picture; BadPicture if there is none. ICC profiles are not applied."""
    with _opened(data, max_bytes) as image:
        stored = _facts(image)
        image.load()
        orientation = _orientation(image)  # after load: TIFF turns itself, PNG may carry it last
        pixels = upright(_rgb(image), orientation)
    facts = PictureFacts(stored.format, pixels.shape[1], pixels.shape[0], stored.mode)
    return Picture(pixels, facts)


def encode_upright(picture: Picture, stored: bytes = b"") -> tuple[bytes, str]:
    """The picture to keep and show: upright, without metadata, and its content type.

    A JPEG stays a JPEG (quality 95, full colour resolution); all else becomes a lossless PNG.
    ``stored``: the file that it was decoded from; a plain PNG is not compressed a second time.
    """
    if plain := without_metadata(stored):
        return plain, "image/png"
    image, target = Image.fromarray(picture.pixels), BytesIO()
    if picture.facts.format == "JPEG":
        image.save(target, "JPEG", quality=95, subsampling=0)
        return target.getvalue(), "image/jpeg"
    # Of what zlib can do to filtered rows of a photograph, this is both quickest and smallest.
    image.save(target, "PNG", compress_level=1, compress_type=zlib.Z_HUFFMAN_ONLY)
    return target.getvalue(), "image/png"


@contextmanager
def _opened(data: bytes, max_bytes: int) -> Iterator[Image.Image]:
    """The open image, all guards of the header passed; faults inside become BadPicture."""
    if not data:
        raise BadPicture(f"The file is empty: {_SEND}.")
    if len(data) > max_bytes:
        limit = f"{max_bytes / 1024**2:.0f} MiB" if max_bytes >= 1024**2 else f"{max_bytes} bytes"
        raise BadPicture(f"The file is larger than {limit}: send a smaller picture.")
    with _sentences(data), Image.open(BytesIO(data), formats=FORMATS) as image:
        _check_size(image)
        _check_frames(image)
        yield image


@contextmanager
def _sentences(data: bytes) -> Iterator[None]:
    """Pillow's many errors as one sentence each."""
    try:
        yield
    except BadPicture:
        raise
    except UnidentifiedImageError as error:
        raise BadPicture(_not_a_picture(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(_too_many_pixels()) from error
    except Exception as error:
        # A parser fed with broken bytes may raise anything (struct.error, SyntaxError, IndexError,
        # zlib.error...); here it always means the same: the file is broken.
        raise BadPicture(f"The picture is damaged or cut off: {_AGAIN}.") from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadPicture(_too_many_pixels())
    if min(width, height) < MIN_SIDE:
        raise BadPicture(
            f"The picture is {width} x {height} pixels: "
            f"each side must have at least {MIN_SIDE}; send a larger picture."
        )


def _check_frames(image: Image.Image) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise BadPicture(f"The file holds {frames} pictures: send one picture in each file.")


def _load_cheaply(image: Image.Image) -> None:
    if image.format == "PNG":
        image.verify()
        return
    if image.format == "JPEG":
        image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()
    if image.mode not in _PLAIN_MODES:
        _rgb(image)


def _facts(image: Image.Image) -> PictureFacts:
    width, height = image.size
    if image.format in ("JPEG", "WEBP") or "exif" in image.info:
        turned = _orientation(image) >= 5
        width, height = (height, width) if turned else (width, height)
    return PictureFacts(str(image.format), width, height, image.mode)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; an unreadable or senseless one counts as upright."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (ValueError, SyntaxError, OSError, KeyError, TypeError, struct.error):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    try:
        return to_rgb(image)
    except ValueError as error:
        raise BadPicture(f"{error}: save it as 8-bit RGB and send it again.") from error


def _too_many_pixels() -> str:
    return (
        f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels: "
        "send a smaller one or cut it into parts."
    )


def _not_a_picture(data: bytes) -> str:
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for prefix, name in _LOOKALIKES:
        if start.startswith(prefix.lower()):
            return f"The file is {name}, not a picture: {_SEND}."
    if data[4:8] == b"ftyp":
        return f"The file is a HEIC or AVIF picture or a video: {_SEND}."
    return f"The file is not a picture that can be read: {_SEND}."
