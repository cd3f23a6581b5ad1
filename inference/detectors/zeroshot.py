"""Text and a few good pictures (WinCLIP, APRIL-GAN, IAD-GPT): the detector for a new product.

Three maps, fused (``inference.text.maskfusion``):

- *text*: at each patch how much likelier *abnormal* is than *normal*, the mean over layers. The
  patches are compared with text in the joint space (APRIL-GAN, arXiv 2305.17382), not WinCLIP's
  windows: windows cost a hundred passes through the network, patches none besides the one that
  the memory needs too. The price is that patches of early layers were never taught to match text.
- *memory*: M = the sum over layers of 1 - the largest cosine with a good patch.
- *picture*: the picture as a whole, one value everywhere. If defects are given, the text-guided
  enhancer (``inference.text.guided``) is trained and takes its place.

Calibration as in ``inference.detectors.memory``: each fold of normals is judged by the other
folds' bank and by an enhancer that saw none of it. The finished detector uses the union of the
banks and the lowest of the enhancers' answers; both can only lower a map, so that it calls a
normal false at most as often as the calibration says. With one good part nothing can be held out
for a memory: then text judges alone.

Text is read while fitting; the artefact holds its directions, never the language side.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from numpy.typing import NDArray

from inference import artefact, pipeline, runlengths
from inference.backbones import restore
from inference.backbones.clip_family import ClipBackbone, open_pair
from inference.calibration import folds
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.devices import chosen
from inference.images import Picture, decode
from inference.judgement import Judgement, Region
from inference.labelled import Labelled
from inference.language.describe import describe
from inference.language.prompts import Prompts, generic
from inference.patches import thumbnails
from inference.pipeline import Sighting
from inference.text import shots
from inference.text.bank import TextBank
from inference.text.guided import TextGuided
from inference.text.lessons import TextLessons
from inference.text.maskfusion import Fusion
from inference.text.regiontypes import pooled
from inference.text.shots import Shots
from inference.text.shotschool import Committee, School
from inference.text.sight import Eyes
from inference.thresholds import Thresholds, calibrate
from inference.usual import scores

FOLDS = 5


@dataclass(frozen=True, eq=False)
class ZeroShot(Fitted):
    config: dict[str, Any]
    eyes: Eyes
    bank: Shots  # empty = text only
    committee: Committee  # empty = the picture as CLIP sees it
    fusion: Fusion
    thresholds: Thresholds

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
        prompts: Prompts | None = None,
    ) -> Self:
        """A ready detector; UnknownName unless the backbone reads text (``open_clip:...``).

        ValueError without a picture of a good part: on nothing nothing can be promised.
        """
        if not pictures:
            raise ValueError("fitting needs at least one picture of a good part")
        pair, place = open_pair(backbone), chosen(device)
        lessons = TextLessons.of(pair.sight.to(place), defects, size)
        words = (prompts or generic()).with_types(lessons.types)
        text = TextBank.of(pair.text.to(place), words, pair.temperature)
        eyes = Eyes(pair.sight, text)
        names = list(groups) if groups is not None else [""] * len(pictures)
        small = thumbnails(pictures, size, lambda done, n: progress(done, 3 * n))
        school = School(eyes, small, names, folds(names, FOLDS, seed), seed, progress)
        banks = school.banks()
        committee = school.committee(lessons)
        fusion, normal = Fusion.of(school.held_out(banks, committee))
        limits = calibrate(normal, names, false_call_rate=false_call_rate)
        config = {
            "detector": "zeroshot",
            "backbone": eyes.sight.spec,
            "size": size,
            "seed": seed,
            "pictures": len(small),
            **lessons.facts(),
            "prompts": words.as_json(),
            "types": list(text.codes),  # in the order of their directions
            "temperature": text.temperature,
            "type_temperature": lessons.temperature(text),
            "layers": len(eyes.sight.spec["layers"]) if banks else 0,
            "enhancers": len(committee),
            "fusion": fusion.as_json(),
            "thresholds": limits.as_json(),
        }
        union = shots.together(banks) if banks else []
        return cls(config, eyes, union, committee, fusion, limits)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        looks = self.eyes.look(small, self.bank)
        heats = self.fusion.heat(looks.maps(self.committee, self.eyes.text))
        return [Sighting(h, float(s)) for h, s in zip(heats, scores(heats), strict=True)]

    def judge(self, image: bytes) -> Judgement:
        started = time.perf_counter()
        picture = decode(image)
        decoding = 1000 * (time.perf_counter() - started)
        judgement = self.judge_many([picture])[0]
        return replace(judgement, timings_ms={"decode": decoding, **judgement.timings_ms})

    def judge_many(self, pictures: Sequence[Picture]) -> list[Judgement]:
        """As every detector, and each region with its likely types."""
        judged = pipeline.judge_many(self, pictures)
        pairs = zip(pictures, judged, strict=True)
        return [self._named(picture, judgement) for picture, judgement in pairs]

    def tensors(self) -> dict[str, NDArray[Any]]:
        found = under("backbone", self.eyes.sight.weights())
        found |= under("text", self.eyes.text.tensors())
        for index, level in enumerate(self.bank):
            found[f"bank.{index}"] = level.half().numpy(force=True)
        for index, member in enumerate(self.committee):
            found |= under(f"enhancer.{index}", member.tensors())
        return found

    @classmethod
    def rebuilt(
        cls, config: dict[str, Any], tensors: artefact.Tensors, *, device: str = "auto"
    ) -> Self:
        place = chosen(device)
        sight = restore(config["backbone"], part("backbone", tensors)).to(place)
        if not isinstance(sight, ClipBackbone):
            raise artefact.BadArtefact("The artefact's backbone knows no text: fit it anew.")
        text = TextBank.rebuilt(
            part("text", tensors), config["types"], config["temperature"], place
        )
        rows = [tensors[f"bank.{index}"] for index in range(config["layers"])]
        levels = [torch.from_numpy(one).to(place).float() for one in rows]
        committee = tuple(
            TextGuided.rebuilt(part(f"enhancer.{index}", tensors)).to(place)
            for index in range(config["enhancers"])
        )
        limits = Thresholds.from_json(config["thresholds"])
        return cls(config, Eyes(sight, text), levels, committee, Fusion(**config["fusion"]), limits)

    def _named(self, picture: Picture, judgement: Judgement) -> Judgement:
        if not judgement.regions or not self.eyes.text.codes:
            return judgement
        started = time.perf_counter()
        features = self.eyes.last(thumbnails([picture], self.config["size"], silent))[0]
        shape, heat = (picture.height, picture.width), self.config["type_temperature"]

        def named(region: Region) -> Region:
            place = pooled(features, runlengths.decode(region.counts, shape))
            return replace(region, candidates=self.eyes.text.ranked(place, heat))

        regions = [named(region) for region in judgement.regions]
        naming = 1000 * (time.perf_counter() - started)
        return replace(
            judgement,
            regions=regions,
            description=describe(
                judgement.evaluation, regions, width=picture.width, height=picture.height
            ),
            timings_ms={**judgement.timings_ms, "name": naming},
        )
