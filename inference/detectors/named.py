"""A whole detector with a namer inside: what it finds, it calls by a type.

The gate comes first: on an OK part there is nothing to name. What the detector sees and where its
thresholds lie stay exactly as they were. A backbone that both use is stored once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np

from inference import pipeline, zoo
from inference.artefact import Tensors
from inference.backbones import open_backbone
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.detectors.memory import Memory
from inference.devices import chosen
from inference.images import Picture, decode
from inference.judgement import Judgement, Region
from inference.labelled import Labelled
from inference.language.describe import describe
from inference.namers import outlines, shelf
from inference.namers.namer import UNKNOWN, Namer
from inference.namers.outlines import Outlines, Outlining
from inference.namers.prototypes import Prototypes
from inference.pipeline import Sighting
from inference.thresholds import Thresholds

BACKBONE = "backbone."  # the tensors of a backbone begin so, in a detector and in a namer


@dataclass(frozen=True, eq=False)
class Named(Fitted):
    """The config is the inner detector's, but for ``detector``, ``named`` and ``namer``."""

    config: dict[str, Any]
    detector: Fitted
    namer: Namer

    @classmethod
    def of(cls, detector: Fitted, namer: Namer) -> Self:
        """A detector that names; one that names already gets the new namer instead."""
        inner = detector.detector if isinstance(detector, Named) else detector
        config = {
            **inner.config,
            "detector": "named",
            "named": inner.config["detector"],
            "namer": namer.config,
        }
        return cls(config, inner, namer)

    @classmethod
    def fit(
        cls,
        pictures: Sequence[Picture],
        groups: Sequence[str] | None = None,
        *,
        backbone: str = "builtin",
        size: int = 256,
        device: str = "auto",
        seed: int = 0,
        false_call_rate: float = 0.01,
        defects: Sequence[Labelled] = (),
        progress: Progress = silent,
    ) -> Self:
        """A memory of the good parts, and names from ``defects``; ValueError without any."""
        network = open_backbone(backbone).to(chosen(device))
        detector = Memory.fit(
            pictures,
            groups,
            backbone=backbone,
            size=size,
            device=device,
            seed=seed,
            false_call_rate=false_call_rate,
            progress=progress,
        )
        return cls.of(detector, Prototypes.fit(defects, network, seed=seed, by=as_found(detector)))

    @property
    def thresholds(self) -> Thresholds:  # type: ignore[override]
        return self.detector.thresholds

    def with_thresholds(self, limits: Thresholds) -> Self:
        inner = self.detector.with_thresholds(limits)
        return type(self).of(inner, self.namer)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        return self.detector.see(pictures)

    def judge(self, image: bytes) -> Judgement:
        started = time.perf_counter()
        picture = decode(image)
        decoding = 1000 * (time.perf_counter() - started)
        judgement = self.judge_many([picture])[0]
        return replace(judgement, timings_ms={"decode": decoding, **judgement.timings_ms})

    def judge_many(self, pictures: Sequence[Picture]) -> list[Judgement]:
        found = pipeline.judge_many(self, pictures)
        pairs = zip(pictures, found, strict=True)
        return [self._named(picture, judgement) for picture, judgement in pairs]

    def _named(self, picture: Picture, judgement: Judgement) -> Judgement:
        """Without regions there is nothing to name; an OK part has none."""
        if not judgement.regions:
            return judgement
        started = time.perf_counter()
        candidates = self.namer.name(picture, judgement.regions)
        pairs = zip(judgement.regions, candidates, strict=True)
        regions = [replace(region, candidates=named) for region, named in pairs]
        naming = 1000 * (time.perf_counter() - started)
        return replace(
            judgement,
            regions=regions,
            description=_described(judgement, regions),
            timings_ms={**judgement.timings_ms, "name": naming},
        )

    def tensors(self) -> Tensors:
        own, names = self.detector.tensors(), self.namer.tensors()
        if _same_backbone(self.config, own, names):
            names = {n: v for n, v in names.items() if not n.startswith(BACKBONE)}
        return {**under("detector", own), **under("namer", names)}

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        own, names = part("detector", tensors), part("namer", tensors)
        if not any(name.startswith(BACKBONE) for name in names):
            names |= {n: v for n, v in own.items() if n.startswith(BACKBONE)}
        kind = cast("type[Fitted]", zoo.detector_class(config["named"]))
        inner = {k: v for k, v in config.items() if k not in ("named", "namer")}
        detector = kind.rebuilt(inner | {"detector": config["named"]}, own, device=device)
        return cls(config, detector, shelf.rebuilt(config["namer"], names, device=device))


def as_found(detector: Fitted) -> Outlining:
    """Outlines for teaching names to a detector: the drawn ones and those that it finds itself."""

    def found(defect: Labelled) -> Outlines:
        return outlines.alike(defect, detector.judge_many([defect.picture])[0].regions)

    return found


def _described(judgement: Judgement, regions: Sequence[Region]) -> str:
    """In words, *unknown* is no type: such a region stays suspicious, no more."""
    said = [
        replace(region, candidates=[]) if region.candidates[0].code == UNKNOWN else region
        for region in regions
    ]
    return describe(judgement.evaluation, said, width=judgement.width, height=judgement.height)


def _same_backbone(config: dict[str, Any], own: Tensors, names: Tensors) -> bool:
    """Whether the namer's backbone, spec and weights, is the detector's."""
    wanted = {name for name in names if name.startswith(BACKBONE)}
    return (
        config.get("backbone") == config["namer"]["backbone"]
        and wanted == {name for name in own if name.startswith(BACKBONE)}
        and all(np.array_equal(names[name], own[name]) for name in wanted)
    )
