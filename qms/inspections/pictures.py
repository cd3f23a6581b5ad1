"""What people look at: the upright picture, the heat map in colour, the mask. Bytes out."""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from qms import storage
from qms.inspections import judge
from qms.inspections.models import Finding, Inspection, Verdict
from qms.plant.models import GoldenPicture

# Heat relative to the not-OK threshold (1.0) to red, green, blue, opacity. Nothing below half of
# it, then yellow to vermilion (Okabe-Ito), deep red where it is twice the threshold.
_STOPS = [
    (0.00, (240, 228, 66, 0)),
    (0.50, (240, 228, 66, 0)),
    (0.75, (240, 228, 66, 90)),
    (1.00, (230, 159, 0, 170)),
    (1.40, (213, 94, 0, 215)),
    (2.00, (120, 10, 10, 235)),
]


def upright(inspection: Inspection) -> tuple[bytes, str]:
    """The upright picture and its content type.

    Made on the fly until the worker has written it; of a plain PNG the worker writes no second one.
    """
    try:
        data = storage.read(inspection.upright_key)
    except FileNotFoundError:
        sent = storage.read(inspection.picture_key)
        if plain := judge.without_metadata(sent):
            return plain, "image/png"
        return judge.encode_upright(judge.decode(sent))
    return data, _type_of(data)


def golden(picture: GoldenPicture) -> tuple[bytes, str]:
    """A golden picture and its content type; it is kept upright."""
    data = storage.read(picture.key)
    return data, _type_of(data)


def _type_of(data: bytes) -> str:
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "image/png"


def thumbnail(inspection: Inspection, *, side: int = 192) -> bytes:
    """A JPEG that fits into a square of ``side`` pixels."""
    with Image.open(io.BytesIO(upright(inspection)[0])) as image:
        image.draft("RGB", (side, side))
        return _small(image.convert("RGB"), side)


def thumbnail_of_sent(data: bytes, *, side: int = 192) -> bytes:
    """The same of a picture as it was sent: a camera's JPEG is read at an eighth and turned."""
    with Image.open(io.BytesIO(data)) as image:
        if image.format == "JPEG" and image.mode in ("L", "RGB"):
            image.draft(image.mode, (side, side))
            return _small(ImageOps.exif_transpose(image).convert("RGB"), side)
    return _small(Image.fromarray(judge.decode(data).pixels), side)


def _small(image: Image.Image, side: int) -> bytes:
    image.thumbnail((side, side))
    return _bytes(image, "JPEG", quality=80)


def heat(verdict: Verdict) -> bytes:
    """The heat map at feature resolution as a coloured PNG with opacity; browsers scale it."""
    with Image.open(io.BytesIO(storage.read(verdict.heatmap_key))) as grey:
        values = np.asarray(grey, dtype=np.uint16)
    return _bytes(Image.fromarray(_colours()[values >> 6]), "PNG")


def mask(verdict: Verdict) -> bytes:
    """All findings as one 8-bit PNG of the picture's size: 255 inside, 0 outside."""
    shape = (verdict.height, verdict.width)
    whole = np.zeros(shape, dtype=bool)
    for finding in Finding.objects.filter(verdict=verdict):
        whole |= judge.mask_of(finding.counts, shape)
    return _bytes(Image.fromarray(whole.astype(np.uint8) * 255), "PNG")


@cache
def _colours() -> NDArray[np.uint8]:
    """(1024, 4) RGBA for the upper ten bits of the stored heat, where 512 is the threshold."""
    at = np.arange(1024) / 512
    stops = np.array([stop for stop, _ in _STOPS])
    colours = np.array([colour for _, colour in _STOPS], dtype=float)
    channels = [np.interp(at, stops, colours[:, channel]) for channel in range(4)]
    return np.stack(channels, axis=1).astype(np.uint8)


def _bytes(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
