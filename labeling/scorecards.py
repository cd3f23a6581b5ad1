"""What two models say of the golden pictures, and what is true of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inference.judgement import Evaluation
from labeling.dataset import Snapshot
from labeling.splits import Split
from labeling.weighing import stands_for


class BadScorecards(ValueError):
    """They cannot be compared; the message says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One golden picture and what is true of it. ``part`` "" = a part of its own."""

    key: str
    sha256: str
    part: str
    types: frozenset[str]  # of its defects
    defect: bool
    weight: float = 1.0  # how many pictures like it it stands for


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a model says of one picture."""

    score: float
    evaluation: Evaluation
    milliseconds: float


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """A model on the golden set of one snapshot.

    ``golden`` is the snapshot's name, ``said`` goes by key, ``learnt`` holds the SHA-256 of all
    that the model has learnt from or was calibrated by. ``loads`` tells whether the artefact was
    loaded in a clean process, ``told`` what was seen there, in a sentence. ``proven`` bounds its
    false calls at 95 % confidence, by its own calibration; None = it proves none.
    """

    model: str
    golden: str
    said: Mapping[str, Said]
    learnt: Collection[str]
    loads: bool
    told: str
    proven: float | None = None


def golden_of(snapshot: Snapshot) -> list[Asked]:
    """The golden pictures of a snapshot; its scenes stand for parts where those are not known."""
    rows = [row.example for row in snapshot.of(Split.GOLDEN)]
    return [
        Asked(
            key=one.key,
            sha256=one.sha256,
            part=one.part or (one.scene and f"scene {one.scene}"),
            types=frozenset(region.defect_type for region in one.regions) - {""},
            defect=one.label == "NOT_OK",
            weight=stands_for(one.chance),
        )
        for one in rows
    ]


def refuse_unlike(golden: Sequence[Asked], champion: Scorecard, candidate: Scorecard) -> None:
    """BadScorecards unless both judged exactly these pictures."""
    keys = {one.key for one in golden}
    if not keys:
        raise BadScorecards("The golden set is empty: label parts until some are drawn for it.")
    if champion.golden != candidate.golden:
        raise BadScorecards(
            f"{champion.model} was measured on {champion.golden} and {candidate.model} on "
            f"{candidate.golden}: measure both on the same golden set."
        )
    for card in (champion, candidate):
        if set(card.said) != keys:
            raise BadScorecards(
                f"{card.model} judged {len(set(card.said) & keys)} of {len(keys)} golden pictures "
                f"and {len(set(card.said) - keys)} others: let it judge exactly those."
            )
        if not all(np.isfinite([one.score, one.milliseconds]).all() for one in card.said.values()):
            raise BadScorecards(f"{card.model} gave a score or a time that is no number.")
