"""What is asked of an annotator, and what came back, in the house's own words.

Everything is in the frame of the upright picture: x to the right, y down, in pixels of its
original size. Nothing here knows Label Studio.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # (height, width) of the whole upright picture

SEVERITIES = ("CRITICAL", "MAJOR", "MINOR")
EVALUATIONS = ("OK", "NOT_OK", "NOT_DECIDABLE")


class Origin(StrEnum):
    """Who said it: the model, the model corrected by a person, or the person alone."""

    PREDICTION = "prediction"
    CHANGED = "prediction-changed"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class DefectLabel:
    """A defect type as an annotator may choose it. ``colour`` is #RRGGBB."""

    code: str
    name: str
    colour: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """Asked of each picture; without choices any words do."""

    slot: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Schema:
    """All that decides what the labelling screen of a product looks like."""

    product: str
    labels: tuple[DefectLabel, ...]
    questions: tuple[Question, ...]

    @property
    def hash(self) -> str:
        """SHA-256 in hex: another schema is another project in Label Studio."""
        plain = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ProposedRegion:
    """A finding of the model, as it is laid before the annotator. ``key`` tells it apart."""

    key: str
    label: str | None  # a code of the schema; None: of no known type
    severity: str | None
    score: float
    mask: Mask
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One picture to correct, and all that the model said of it.

    ``urgency`` is 0 to 1, 1 first. ``answers`` maps slot to text.
    """

    inspection_id: str
    title: str
    link: str  # of the inspection's page
    image: str  # as Label Studio is to find it
    width: int
    height: int
    model_version: str
    urgency: float
    evaluation: str
    description: str
    regions: Sequence[ProposedRegion]
    answers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LabelledRegion:
    """A region that a person left, changed or drew."""

    key: str
    label: str | None
    severity: str | None
    confidence: int | None  # 1 to 5 stars
    note: str
    mask: Mask
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``text`` is what the person left; ``predicted`` what the model had said, if anything."""

    slot: str
    question: str
    text: str
    predicted: str | None
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What one person said of one picture.

    ``deleted`` holds the keys of the proposed regions that the person removed. A skipped picture
    has no evaluation. ``added`` are question-answer pairs that the person made up.
    """

    studio_id: int  # of the annotation
    task_id: int
    updated_at: datetime
    made_at: datetime
    person: int | None  # Label Studio's number of the user
    seconds: float | None
    skipped: bool
    skip_reason: str
    evaluation: str
    evaluation_origin: Origin
    description: str
    description_origin: Origin
    regions: Sequence[LabelledRegion]
    answers: Sequence[Answer]
    added: Sequence[tuple[str, str]] = field(default_factory=tuple)
    deleted: Sequence[str] = field(default_factory=tuple)
