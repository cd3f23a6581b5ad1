"""The order of seeing: detect, gate, mask, describe. A detector supplies the first step only.

A clear pass stops at the gate, so whatever stands behind it never sees a good part.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference import regions
from inference.images import Picture, decode
from inference.judgement import Evaluation, Judgement, Region
from inference.language.describe import describe
from inference.threads import in_threads
from inference.thresholds import Thresholds


@dataclass(frozen=True, eq=False)
class Sighting:
    """What a detector sees: ``heat`` float32 (h, w) and one score, both on the same scale.

    The score is at most the maximum of ``heat``, so a picture that is not ok has a region.
    """

    heat: NDArray[np.float32]
    score: float


class Eye(Protocol):
    """A detector as the pipeline needs it."""

    @property
    def thresholds(self) -> Thresholds: ...

    @property
    def artefact_sha256(self) -> str: ...

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]: ...


def judge(eye: Eye, image: bytes) -> Judgement:
    started = time.perf_counter()
    picture = decode(image)
    decoding = _milliseconds(started)
    judgement = judge_many(eye, [picture])[0]
    return replace(judgement, timings_ms={"decode": decoding, **judgement.timings_ms})


def judge_many(eye: Eye, pictures: Sequence[Picture]) -> list[Judgement]:
    """One judgement a picture; each carries an equal share of the time of the common pass."""
    if not pictures:
        return []
    started = time.perf_counter()
    sightings = eye.see(pictures)
    detecting = _milliseconds(started) / len(pictures)
    pairs = list(zip(pictures, sightings, strict=True))
    if len(pairs) == 1:
        return [_conclude(eye, *pairs[0], detecting)]
    return list(in_threads(lambda pair: _conclude(eye, *pair, detecting), pairs))


def _conclude(eye: Eye, picture: Picture, sighting: Sighting, detecting: float) -> Judgement:
    timings = {"detect": detecting}
    evaluation = eye.thresholds.evaluation(sighting.score)
    started = time.perf_counter()
    found = _mask(evaluation, sighting, picture, eye.thresholds.ok)
    timings["mask"] = _milliseconds(started)
    started = time.perf_counter()
    text = describe(evaluation, found, width=picture.width, height=picture.height)
    timings["describe"] = _milliseconds(started)
    return Judgement(
        evaluation=evaluation,
        score=sighting.score,
        probability=eye.thresholds.probability(sighting.score),
        threshold_ok=eye.thresholds.ok,
        threshold_not_ok=eye.thresholds.not_ok,
        width=picture.width,
        height=picture.height,
        heatmap=sighting.heat.astype(np.float16),
        regions=found,
        description=text,
        answers=[],
        timings_ms=timings,
        artefact=eye.artefact_sha256,
    )


def _mask(
    evaluation: Evaluation, sighting: Sighting, picture: Picture, floor: float
) -> list[Region]:
    if evaluation is Evaluation.OK:
        return []
    return regions.find(sighting.heat, picture.pixels, floor)


def _milliseconds(started: float) -> float:
    return 1000 * (time.perf_counter() - started)
