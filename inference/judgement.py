"""What a detector says of a picture. Plain data: no tensors, no framework.

Everything is in the frame of the upright picture (after EXIF rotation): x to the right, y down,
in pixels of the original size.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Evaluation(StrEnum):
    """The three answers of the gate; OPC UA's ResultEvaluation without *undefined*."""

    OK = "ok"
    NOT_OK = "not_ok"
    NOT_DECIDABLE = "not_decidable"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A defect type that a region may be, and how likely."""

    code: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Region:
    """One connected suspicious place.

    ``counts`` is the exact mask as uncompressed COCO run lengths (column by column, first run
    background) over the whole upright picture of ``Judgement.height`` x ``Judgement.width``.
    """

    bbox: tuple[int, int, int, int]  # x, y, width, height
    contour: list[list[int]]  # outer outline, [[x, y], ...], simplified
    counts: list[int]
    area_px: int
    score: float  # highest heat inside, on the scale of Judgement.score
    contrast: float  # mean grey inside minus mean grey of the ring around it, -1 to 1
    elongation: float  # long side to short side of the smallest rotated box, >= 1
    cell: str  # place on a 3 x 3 grid: "top left" ... "centre" ... "bottom right"
    candidates: list[Candidate] = field(default_factory=list)  # most likely first; may be empty


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer to one of the product's questions."""

    question: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    evaluation: Evaluation
    score: float
    probability: float  # conformal: 1 - p-value of "as normal as the held-out normals", 0 to 1
    threshold_ok: float  # below: ok
    threshold_not_ok: float  # at or above: not ok; between the two: not decidable
    width: int
    height: int
    heatmap: NDArray[np.float16]  # (h, w) at feature resolution, on the scale of score
    regions: list[Region]
    description: str
    answers: list[Answer]
    timings_ms: dict[str, float]  # per stage
    artefact: str  # sha256 of the artefact that judged

    def as_json(self) -> dict[str, Any]:
        """All of it but the heat map, ready for ``json.dumps``."""
        return {key: value for key, value in asdict(self).items() if key != "heatmap"}
