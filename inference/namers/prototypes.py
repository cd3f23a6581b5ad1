"""Names from confirmed crops: which type's are nearest, and whether any is near at all.

Frozen features, a small head and a distance, so that ten crops a type are taught in seconds. The
kind of head is chosen by cross-validation on the taught crops alone; the crops held out in it
also show how sure to be (temperature, Guo et al. 2017, arXiv 1706.04599) and which distances
occur (``inference.namers.nearness``). A group never straddles: crops of a type that belong to one
part are held out together, and so are the outlines of one crop (``inference.namers.outlines``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from inference.artefact import Tensors
from inference.backbones import Backbone, restore
from inference.detector import Progress, silent
from inference.devices import chosen
from inference.images import Picture
from inference.judgement import Candidate, Region
from inference.labelled import Labelled
from inference.namers import learning, outlines
from inference.namers.features import CropFeatures
from inference.namers.learning import Floats, Learnt
from inference.namers.namer import UNKNOWN, Namer, part, ranked, softmax, under
from inference.namers.outlines import Outlining

SIZE = 128  # pixels a side of a crop; 96 to 200 name alike, and this one is quick


@dataclass(frozen=True, eq=False)
class Prototypes(Namer):
    config: dict[str, Any]
    features: CropFeatures
    learnt: Learnt

    @classmethod
    def fit(
        cls,
        confirmed: Sequence[Labelled],
        backbone: Backbone,
        *,
        types: Sequence[str] | None = None,
        size: int = SIZE,
        seed: int = 0,
        unknown_rate: float = 0.05,
        by: Outlining = outlines.drawn,
        progress: Progress = silent,
    ) -> Self:
        """A ready namer; ValueError if a type has no crop, or there is no type at all.

        ``types``: which ones to teach (those that occur, if None). ``unknown_rate``: how often a
        known type may be called unknown. ``by``: the outlines by which a defect is taught.
        """
        codes = _types(confirmed, types)
        chosen_ones = [one for one in confirmed if one.defect_type in codes]
        features = CropFeatures(backbone, size)
        rows, of, asked = [], [], []
        for number, one in enumerate(chosen_ones):
            shown = by(one)
            rows.append(features.embed(one.picture, shown.regions))
            of += [number] * len(shown.regions)
            asked += shown.asked
            progress(number + 1, len(chosen_ones))
        learnt = learning.learn(
            np.concatenate(rows).astype(np.float64),
            np.array([codes.index(one.defect_type) for one in chosen_ones]),
            [one.group for one in chosen_ones],
            seed=seed,
            rate=unknown_rate,
            crops=np.array(of),
            asked=np.array(asked),
        )
        config = _config(codes, chosen_ones, features, seed) | learnt.config()
        return cls(config, features, learnt)

    def name(self, picture: Picture, regions: Sequence[Region]) -> list[list[Candidate]]:
        if not regions:
            return []
        found = self.probabilities(self.features.embed(picture, regions).astype(np.float64))
        codes = [*self.config["types"], UNKNOWN]
        return [ranked(codes, row) for row in found]

    def probabilities(self, features: Floats) -> Floats:
        """(n, D) features to (n, T + 1): the types, then *unknown*.

        The odds of *unknown* against the likeliest type are 1 exactly where the p-value of the
        distance is the stated rate, so that the most likely answer keeps the promise.
        """
        types = softmax(self.learnt.logits(features))
        odds = self.learnt.odds(features)
        unknown = (odds * types.max(axis=1))[:, None]
        together = np.concatenate([types, unknown], axis=1)
        return np.asarray(together / together.sum(axis=1, keepdims=True))

    def tensors(self) -> Tensors:
        return {**under("backbone", self.features.backbone.weights()), **self.learnt.tensors()}

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        network = restore(config["backbone"], part("backbone", tensors)).to(chosen(device))
        learnt = Learnt.rebuilt(config, tensors)
        return cls(config, CropFeatures(network, config["size"]), learnt)


def _types(confirmed: Sequence[Labelled], types: Sequence[str] | None) -> list[str]:
    there = {one.defect_type for one in confirmed if one.defect_type}
    wanted = sorted(there) if types is None else list(dict.fromkeys(types))
    if not wanted:
        raise ValueError("teaching names needs confirmed defects with a type")
    if UNKNOWN in wanted:
        raise ValueError(f"no defect type may be called {UNKNOWN!r}: it is the answer without one")
    lacking = [code for code in wanted if code not in there]
    if lacking:
        raise ValueError(f"the defect type {lacking[0]!r} has no confirmed crop to learn from")
    return wanted


def _config(
    codes: list[str], confirmed: Sequence[Labelled], features: CropFeatures, seed: int
) -> dict[str, Any]:
    """``taught`` and ``groups`` let an evaluation leave out what was learnt from."""
    counts = {code: sum(one.defect_type == code for one in confirmed) for code in codes}
    return {
        "namer": "prototypes",
        "types": codes,
        "crops": counts,
        "taught": sorted({one.sha256 for one in confirmed if one.sha256}),
        "groups": sorted({one.group for one in confirmed if one.group}),
        "backbone": features.backbone.spec,
        "size": features.size,
        "seed": seed,
    }
