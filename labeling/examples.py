"""One picture with what people say of it: what a model may learn from, or be measured by.

The picture is named, not copied. All coordinates are in the frame of the upright picture.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from labeling.words import SEVERITIES

LABELS = ("OK", "NOT_OK")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class BadExample(ValueError):
    """Nothing can be learnt from it as it is; the message says why in one sentence."""


class Source(StrEnum):
    """Where the label comes from."""

    REVIEW = "review"
    ANNOTATION = "annotation"
    ENROLMENT = "enrolment"
    IMPORT = "import"


@dataclass(frozen=True, kw_only=True)
class ExampleRegion:
    """A defect in the picture. ``counts`` are COCO run lengths of the whole upright picture."""

    defect_type: str  # code; "" = of no known type
    severity: str  # of SEVERITIES; "" = nobody said
    counts: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Example:
    """``key`` is where the picture is stored, and tells the example apart.

    ``part``, ``lot`` and ``scene`` tie pictures together; "" = not known. ``chance`` is the
    probability with which a part like this one was shown to a person; None = nothing was drawn.
    BadExample if something about it cannot be.
    """

    key: str
    sha256: str  # of the stored file
    size: int  # bytes
    width: int
    height: int
    label: str  # of LABELS
    source: Source
    who: str
    when: datetime
    part: str = ""
    lot: str = ""
    scene: str = ""
    regions: Sequence[ExampleRegion] = ()
    chance: float | None = None

    def __post_init__(self) -> None:
        if fault := _fault(self):
            raise BadExample(f"The example {self.key!r} {fault}.")

    def as_json(self) -> dict[str, Any]:
        """Plain values, the same for the same example; ``when`` in UTC to the microsecond."""
        return {
            "key": self.key,
            "sha256": self.sha256,
            "size": int(self.size),
            "width": int(self.width),
            "height": int(self.height),
            "label": self.label,
            "source": Source(self.source).value,
            "who": self.who,
            "when": self.when.astimezone(UTC).isoformat(timespec="microseconds"),
            "part": self.part,
            "lot": self.lot,
            "scene": self.scene,
            "regions": sorted((_region_as_json(one) for one in self.regions), key=str),
            "chance": None if self.chance is None else float(self.chance),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What ``as_json`` gave; BadExample, KeyError, TypeError or ValueError otherwise."""
        given = {name: value[name] for name in _PLAIN}
        regions = [
            ExampleRegion(
                defect_type=one["defect_type"],
                severity=one["severity"],
                counts=tuple(one["counts"]),
            )
            for one in value["regions"]
        ]
        return cls(
            **given,
            source=Source(value["source"]),
            when=datetime.fromisoformat(value["when"]),
            regions=tuple(regions),
        )


_PLAIN = (
    *("key", "sha256", "size", "width", "height", "label", "who"),
    *("part", "lot", "scene", "chance"),
)


def _region_as_json(region: ExampleRegion) -> dict[str, Any]:
    return {
        "defect_type": region.defect_type,
        "severity": region.severity,
        "counts": [int(count) for count in region.counts],
    }


def _fault(example: Example) -> str:
    """What is wrong with it, as the end of a sentence; "" = nothing."""
    if not example.key:
        return "does not say where its picture is stored"
    if not _SHA256.match(example.sha256):
        return f"names its picture by {example.sha256!r}, which is no SHA-256 in small hex letters"
    if min(example.size, example.width, example.height) < 1:
        return "has a picture without bytes or pixels"
    return _label_fault(example) or _origin_fault(example)


def _label_fault(example: Example) -> str:
    if example.label not in LABELS:
        return (
            f"is called {example.label!r}, not {' or '.join(LABELS)}: "
            "leave out what nobody could decide"
        )
    if example.label == "OK" and example.regions:
        return "is called OK and marks a defect: leave out one of the two"
    pixels = example.width * example.height
    for region in example.regions:
        if min(region.counts, default=0) < 0 or sum(region.counts) != pixels:
            return f"has a mask that does not fill its {example.width} x {example.height} pixels"
        if region.severity not in ("", *SEVERITIES):
            return f"has a defect of severity {region.severity!r}, not {', '.join(SEVERITIES)}"
    return ""


def _origin_fault(example: Example) -> str:
    if example.when.tzinfo is None:
        return "does not say in which time zone it was labelled"
    if not example.who:
        return "does not say who labelled it"
    chance = example.chance
    if chance is not None and not (math.isfinite(chance) and 0 < chance <= 1):
        return f"was shown to a person with the probability {chance:g}: above 0 and at most 1"
    return ""
