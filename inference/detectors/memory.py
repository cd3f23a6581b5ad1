"""Memory of normal patches (PatchCore, Roth et al. 2022, arXiv 2106.08265).

A patch that is far from every patch of the good pictures is suspicious. Unlike the paper, each
level of the backbone has a bank of its own, on its own grid, and distances are standardised by
what held-out normals show at a place (``inference.usual``); the score is the mean of the hottest
places.

Calibration without waste. The normals are cut into folds (whole groups). Each fold gives its own
coreset; the bank is the union of them, and the held-out scores of a fold are taken against the
other folds' part. The whole bank holds each of these, and a larger bank can only shorten a
distance to the nearest patch, so the finished detector calls a normal false at most as often as
the calibration says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference import artefact, bank, pipeline
from inference.backbones import open_backbone, restore
from inference.bank import Bank, Maps
from inference.calibration import folds
from inference.detector import Progress, silent
from inference.devices import chosen
from inference.images import Picture
from inference.judgement import Judgement
from inference.patches import PatchFeatures, Thumbnails, thumbnails
from inference.pipeline import Sighting
from inference.thresholds import Thresholds, calibrate
from inference.usual import Usual, scores

FOLDS = 5
KEPT = 12_000  # patches of each level in the bank
ADDED = 256  # patches of each level kept of each picture that is added later


@dataclass(frozen=True, eq=False)
class Memory:
    config: dict[str, Any]
    features: PatchFeatures
    bank: Bank
    usual: Usual
    thresholds: Thresholds
    artefact_sha256: str

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
        progress: Progress = silent,
    ) -> Self:
        """A ready detector; ValueError unless the pictures show at least two parts."""
        network = open_backbone(backbone).to(chosen(device))
        names = list(groups) if groups is not None else [""] * len(pictures)
        fold = folds(names, FOLDS, seed)
        if len(fold) == 0 or fold.max() == 0:
            raise ValueError("fitting needs pictures of at least two good parts")
        # Each picture is done twice: made small, and learnt with its fold.
        small = thumbnails(pictures, size, lambda done, n: progress(done, 2 * n))
        features = PatchFeatures.of(network, small)
        banks = _banks(features, small, fold, seed, progress)
        usual, normal = Usual.of(_held_out(banks, features, small, fold))
        limits = calibrate(normal, names, false_call_rate=false_call_rate)
        config = {
            "detector": "memory",
            "backbone": network.spec,
            "size": size,
            "seed": seed,
            "pictures": len(small),
            "typical": list(features.typical),
            "unit": usual.unit,
            "thresholds": limits.as_json(),
        }
        return cls._ready(config, features, bank.together(banks), usual)

    def add(self, pictures: Sequence[Picture]) -> Self:
        """A detector that also knows these pictures as normal. The thresholds stay.

        The patches least like the bank are kept. A larger bank can only lower a score, so the
        promise on false calls still holds.
        """
        small = thumbnails(pictures, self.config["size"], silent)
        generator = torch.Generator().manual_seed(self.config["seed"])
        kept = ADDED * len(small)
        larger = bank.extend(self.bank, self.features, small, kept, generator)
        config = {**self.config, "pictures": self.config["pictures"] + len(small)}
        return self._ready(config, self.features, larger, self.usual)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        heats = self.usual.heat(bank.distances(self.bank, self.features, small))
        return [Sighting(h, float(s)) for h, s in zip(heats, scores(heats), strict=True)]

    def judge(self, image: bytes) -> Judgement:
        return pipeline.judge(self, image)

    def judge_many(self, pictures: Sequence[Picture]) -> list[Judgement]:
        return pipeline.judge_many(self, pictures)

    def save(self, folder: Path, notes: dict[str, Any] | None = None) -> str:
        return artefact.write(
            folder, self.config, _tensors(self.features, self.bank, self.usual), notes
        )

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        found, place = artefact.read(folder), chosen(device)
        weights = {
            name.removeprefix("backbone."): value
            for name, value in found.tensors.items()
            if name.startswith("backbone.")
        }
        network = restore(found.config["backbone"], weights).to(place)
        features = PatchFeatures(network, tuple(found.config["typical"]))
        count = len(features.typical)
        rows, means, spreads = (
            [found.tensors[f"{name}.{index}"] for index in range(count)]
            for name in ("bank", "mean", "spread")
        )
        levels = [torch.from_numpy(level).to(place).float() for level in rows]
        usual = Usual(means, spreads, found.config["unit"])
        limits = Thresholds.from_json(found.config["thresholds"])
        return cls(found.config, features, levels, usual, limits, found.sha256)

    def about(self) -> dict[str, Any]:
        return dict(self.config)

    @classmethod
    def _ready(
        cls, config: dict[str, Any], features: PatchFeatures, levels: Bank, usual: Usual
    ) -> Self:
        limits = Thresholds.from_json(config["thresholds"])
        name = artefact.name(config, _tensors(features, levels, usual))
        return cls(config, features, levels, usual, limits, name)


def _tensors(features: PatchFeatures, levels: Bank, usual: Usual) -> dict[str, NDArray[Any]]:
    weights = features.backbone.weights()
    found = {f"backbone.{name}": value for name, value in weights.items()}
    for index, level in enumerate(levels):
        found[f"bank.{index}"] = level.half().numpy(force=True)
        found[f"mean.{index}"] = usual.means[index]
        found[f"spread.{index}"] = usual.spreads[index]
    return found


def _banks(
    features: PatchFeatures,
    small: Thumbnails,
    fold: NDArray[np.int64],
    seed: int,
    progress: Progress,
) -> list[Bank]:
    """One bank a fold; together they hold KEPT patches of each level."""
    generator = torch.Generator().manual_seed(seed)
    count, made = int(fold.max()) + 1, []
    for number in range(count):
        made.append(bank.learn(features, small[fold == number], KEPT // count, generator))
        progress(len(small) + int((fold <= number).sum()), 2 * len(small))
    return made


def _held_out(
    banks: list[Bank], features: PatchFeatures, small: Thumbnails, fold: NDArray[np.int64]
) -> Maps:
    """Distances of each picture to the banks of the folds that it is not in, (n, h, w) a level."""
    found = []
    for number in range(len(banks)):
        others = bank.together([one for index, one in enumerate(banks) if index != number])
        found.append(bank.distances(others, features, small[fold == number]))
    order = np.argsort(np.concatenate([np.flatnonzero(fold == n) for n in range(len(banks))]))
    return [np.concatenate(level)[order] for level in zip(*found, strict=True)]
