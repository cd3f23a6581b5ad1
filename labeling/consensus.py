"""What several people said of one picture, to one truth; and how well they agree.

Nothing is decided that they did not decide: where as many say one thing as another, the verdict
is *not decidable*, the type unknown and the answer open. What only a minority painted is kept
apart as disputed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from scipy.optimize import linear_sum_assignment

from labeling.raters import NOTHING, majority, pairs_agreeing
from labeling.staple import one_mask
from labeling.words import SEVERITIES, Labelled, LabelledRegion, Mask

SAME = 0.2  # IoU from which two regions are one: hand-painted thin scratches overlap little
UNDECIDED = "NOT_DECIDABLE"

Cluster = list[LabelledRegion]


@dataclass(frozen=True, kw_only=True)
class AgreedRegion:
    """One region of several people's. ``votes`` of them have it; ``iou`` is NaN of one person."""

    label: str | None
    severity: str | None
    mask: Mask
    votes: int
    iou: float


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of all pairs of people: the mean IoU of all they painted, and the shares that say the same.

    Each is NaN where no two people said anything of it. ``labels`` counts regions that both have.
    """

    masks: float
    evaluation: float
    labels: float
    answers: float


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """``answers`` maps slot to text, "" where they are divided; ``disputed`` only few painted."""

    people: int
    evaluation: str
    description: str
    regions: tuple[AgreedRegion, ...]
    disputed: tuple[AgreedRegion, ...]
    answers: dict[str, str]
    agreement: Agreement


def merge(labelled: Sequence[Labelled]) -> Consensus:
    """One truth out of what each of several people said of the same picture.

    Who skipped it said nothing. ValueError if nobody said anything. The order does not matter.
    """
    said = sorted((one for one in labelled if not one.skipped), key=_who)
    if not said:
        raise ValueError("nobody has labelled this picture")
    clusters = _clusters(said)
    regions = [_agreed(cluster) for cluster in clusters]
    answers = _answers(said)
    evaluations = [one.evaluation for one in said]
    return Consensus(
        people=len(said),
        evaluation=majority(evaluations, tie=UNDECIDED),
        description=_middle([one.description for one in said]),
        regions=tuple(region for region in regions if 2 * region.votes > len(said)),
        disputed=tuple(region for region in regions if 2 * region.votes <= len(said)),
        answers={slot: majority(texts, tie="") for slot, texts in answers.items()},
        agreement=Agreement(
            masks=_mean(iou(one, other) for one, other in combinations(_painted(said), 2)),
            evaluation=pairs_agreeing(evaluations),
            labels=_mean(pairs_agreeing([r.label or "" for r in cluster]) for cluster in clusters),
            answers=_mean(pairs_agreeing(texts) for texts in answers.values()),
        ),
    )


def _who(one: Labelled) -> tuple[int, int]:
    return one.person or 0, one.studio_id


def iou(one: Mask, other: Mask) -> float:
    """Pixels in both over pixels in either (Jaccard 1912); 1.0 of two empty masks."""
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else 1.0


def _clusters(said: Sequence[Labelled]) -> list[Cluster]:
    """Regions that are one and the same thing, at most one of each person.

    Person by person, each time by the assignment with the greatest sum of IoUs (Kuhn 1955).
    """
    clusters: list[Cluster] = []
    for one in said:
        clusters += _assigned(clusters, list(one.regions))
    return clusters


def _assigned(clusters: list[Cluster], regions: list[LabelledRegion]) -> list[Cluster]:
    """Puts what fits into the clusters; the rest as clusters of their own."""
    likeness = np.array(
        [[fmean(iou(r.mask, m.mask) for m in cluster) for cluster in clusters] for r in regions]
    ).reshape(len(regions), len(clusters))
    rows, columns = linear_sum_assignment(likeness, maximize=True)
    fits = {r: c for r, c in zip(rows, columns, strict=True) if likeness[r, c] >= SAME}
    for row, column in fits.items():
        clusters[column].append(regions[row])
    return [[region] for row, region in enumerate(regions) if row not in fits]


def _agreed(cluster: Cluster) -> AgreedRegion:
    return AgreedRegion(
        label=majority((region.label or "" for region in cluster), tie="") or None,
        severity=_severity([region.severity for region in cluster]),
        mask=one_mask([region.mask for region in cluster]),
        votes=len(cluster),
        iou=_mean(iou(one.mask, other.mask) for one, other in combinations(cluster, 2)),
    )


def _severity(given: Sequence[str | None]) -> str | None:
    """Of those who gave one; of a tie the worst, as on the safe side."""
    known = [severity for severity in given if severity is not None]
    worst = min(known, key=SEVERITIES.index, default=None)
    return majority(known, tie=worst) if worst else None


def _painted(said: Sequence[Labelled]) -> list[Mask]:
    """All that each person painted; of a picture where nobody painted, an empty mask each."""
    shape = next((r.mask.shape for one in said for r in one.regions), (1, 1))
    empty = np.zeros(shape, np.bool_)
    return [np.logical_or.reduce([empty, *(r.mask for r in one.regions)]) for one in said]


def _answers(said: Sequence[Labelled]) -> dict[str, list[str]]:
    """What was answered in each slot; who gave no answer has no vote."""
    found: dict[str, list[str]] = {}
    for one in said:
        for answer in one.answers:
            if answer.text:
                found.setdefault(answer.slot, []).append(answer.text)
    return dict(sorted(found.items()))


def _middle(texts: Sequence[str]) -> str:
    """The text that shares the most words with the others (Jaccard); "" if nobody wrote any."""
    written = sorted({text for text in texts if text})
    return max(written, key=lambda text: sum(_shared(text, other) for other in texts), default="")


def _shared(one: str, other: str) -> float:
    here, there = set(one.casefold().split()), set(other.casefold().split())
    return len(here & there) / len(here | there) if here | there else 1.0


def _mean(values: Iterator[float]) -> float:
    found = [value for value in values if value == value]
    return fmean(found) if found else NOTHING
