"""What people drew, as pictures of the size of theirs. Bytes out."""

import io
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from qms.inspections import judge
from qms.inspections.models import Finding, Verdict
from qms.labels.models import Annotation

UNKNOWN = "#D55E00"  # of no known type, as on every page
SIDES = ("kept", "new", "gone")  # both say so; only the person; only the model
_INSIDE, _EDGE = 90, 255  # opacity
_SHOWN = 800  # an edge stays visible where the picture is shown this many pixels large
Mask = NDArray[np.bool_]


class Drawn(Protocol):
    """A finding or a region: both keep their exact mask as run lengths."""

    counts: Sequence[int]


def regions(annotation: Annotation) -> bytes:
    """PNG, red, green, blue, opacity: each region in the colour of its type, its edge opaque."""
    shape = _shape(annotation)
    canvas = np.zeros((*shape, 4), np.uint8)
    width = max(1, round(max(shape) / _SHOWN))
    for region in annotation.regions.select_related("defect_type"):
        colour = region.defect_type.colour if region.defect_type else UNKNOWN
        top, left = (
            slice(region.y, region.y + region.height),
            slice(region.x, region.x + region.width),
        )
        mask = judge.mask_of(region.counts, shape)[top, left]
        paint = canvas[top, left]
        paint[mask] = (*ImageColor.getrgb(colour)[:3], _INSIDE)
        paint[mask & ~_inner(mask, width), 3] = _EDGE
    return _png(canvas)


def side(annotation: Annotation, verdict: Verdict | None, which: str) -> bytes:
    """8-bit PNG, 255 where both, only the person or only the model mark a pixel."""
    shape = _shape(annotation)
    person = _union(annotation.regions.only("counts"), shape)
    findings: Iterable[Drawn] = (
        Finding.objects.filter(verdict=verdict).only("counts") if verdict else []
    )
    model = _union(findings, shape)
    chosen = {"kept": person & model, "new": person & ~model, "gone": model & ~person}[which]
    return _png(chosen.astype(np.uint8) * 255)


def _shape(annotation: Annotation) -> tuple[int, int]:
    return annotation.inspection.height, annotation.inspection.width


def _union(drawn: Iterable[Drawn], shape: tuple[int, int]) -> Mask:
    whole = np.zeros(shape, np.bool_)
    for one in drawn:
        whole |= judge.mask_of(one.counts, shape)
    return whole


def _inner(mask: Mask, width: int) -> Mask:
    """What is left of a mask when ``width`` pixels are taken from its edge on all sides."""
    left = np.pad(mask, width)
    for axis in (0, 1):
        steps = [np.roll(left, by, axis) for by in range(-width, width + 1)]
        left = np.logical_and.reduce(steps)
    return np.asarray(left[width:-width, width:-width])


def _png(values: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=1)
    return out.getvalue()
