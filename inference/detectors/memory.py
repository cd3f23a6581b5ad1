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
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference import artefact, bank
from inference.backbones import open_backbone, restore
from inference.bank import Bank, Maps
from inference.calibration import folds
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.devices import chosen
from inference.images import Picture
from inference.labelled import Labelled
from inference.patches import PatchFeatures, Thumbnails, thumbnails
from inference.pipeline import Sighting
from inference.thresholds import Thresholds, calibrate
from inference.usual import Usual, scores

FOLDS = 5
KEPT = 12_000  # patches of each level in the bank
ADDED = 256  # patches of each level kept of each picture that is added later


@dataclass(frozen=True, eq=False)
class Memory(Fitted):
    config: dict[str, Any]
    features: PatchFeatures
    bank: Bank
    usual: Usual
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
        defects: Sequence[Labelled] = (),  # noqa: ARG003 - a memory knows good parts only
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
        return cls(config, features, bank.together(banks), usual, limits)

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
        return type(self)(config, self.features, larger, self.usual, self.thresholds)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        heats = self.usual.heat(bank.distances(self.bank, self.features, small))
        return [Sighting(h, float(s)) for h, s in zip(heats, scores(heats), strict=True)]

    def tensors(self) -> dict[str, NDArray[Any]]:
        found = under("backbone", self.features.backbone.weights())
        for index, level in enumerate(self.bank):
            found[f"bank.{index}"] = level.half().numpy(force=True)
            found[f"mean.{index}"] = self.usual.means[index]
            found[f"spread.{index}"] = self.usual.spreads[index]
        return found

    @classmethod
    def rebuilt(
        cls, config: dict[str, Any], tensors: artefact.Tensors, *, device: str = "auto"
    ) -> Self:
        place = chosen(device)
        network = restore(config["backbone"], part("backbone", tensors)).to(place)
        features = PatchFeatures(network, tuple(config["typical"]))
        rows, means, spreads = (
            [tensors[f"{name}.{index}"] for index in range(len(features.typical))]
            for name in ("bank", "mean", "spread")
        )
        levels = [torch.from_numpy(level).to(place).float() for level in rows]
        usual = Usual(means, spreads, config["unit"])
        return cls(config, features, levels, usual, Thresholds.from_json(config["thresholds"]))


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
