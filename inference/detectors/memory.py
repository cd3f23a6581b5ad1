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

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference import artefact, bank
from inference.aligned import alignment
from inference.backbones import open_backbone, restore
from inference.bank import Bank, Level, Maps
from inference.calibration import folds
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.devices import chosen
from inference.images import Picture
from inference.labelled import Labelled
from inference.patches import PatchFeatures, Thumbnails, thumbnails
from inference.pipeline import Sighting
from inference.shares import shares_of
from inference.thresholds import Thresholds, calibrate
from inference.usual import Usual, scores

FOLDS = 5
KEPT = 12_000  # patches of each level in the bank
ADDED = 256  # patches of each level kept of each picture that is added later
FEW = 8  # shots that are learnt in each quarter turn
MARK = 16  # bytes
OLD_SHARES = [0.2, 1.0]  # of artefacts of version 0.1
WITHDRAWN = "none until the next fit: a picture was taken out of the memory"


@dataclass(frozen=True, eq=False)
class Memory(Fitted):
    config: dict[str, Any]
    features: PatchFeatures
    bank: Bank
    usual: Usual
    thresholds: Thresholds
    marks: NDArray[np.uint8]  # (n, 16): what each picture is known by, in the order of learning

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
        kept: int = KEPT,
        reweighted: bool = False,
    ) -> Self:
        """A ready detector; ValueError unless the pictures show at least two parts.

        ``kept``: patches of each level in the whole bank. ``reweighted``: distances in spreads
        (``inference.bank``); it helps a bank of random patches and harms a coreset, so it is off.
        """
        network = open_backbone(backbone).to(chosen(device))
        names = list(groups) if groups is not None else [""] * len(pictures)
        fold = folds(names, FOLDS, seed)
        if len(fold) == 0 or fold.max() == 0:
            raise ValueError("fitting needs pictures of at least two good parts")
        # Each picture is done twice: made small, and learnt with its fold.
        small = thumbnails(pictures, size, lambda done, n: progress(done, 2 * n))
        features = PatchFeatures.of(network, small)
        aligned = alignment(features, small, fold)
        weight = aligned.place_weight if aligned else 0.0
        school = _School(features, small, fold, seed, weight, reweighted)
        banks = school.banks(kept, progress)
        shares = shares_of(features, small)
        usual, normal = Usual.of(school.held_out(banks), shares.weights)
        limits = calibrate(normal, names, false_call_rate=false_call_rate)
        config = {
            "detector": "memory",
            "backbone": network.spec,
            "size": size,
            "seed": seed,
            "pictures": len(small),
            "typical": list(features.typical),
            "levels": shares.as_json(),
            "unit": usual.unit,
            "alignment": aligned.as_json() if aligned else None,
            "reweighted": reweighted,
            "turned": school.turned,
            "thresholds": limits.as_json(),
        }
        return cls(config, features, bank.together(banks), usual, limits, _marks(small))

    def add(self, pictures: Sequence[Picture]) -> Self:
        """A detector that also knows these pictures as normal. The thresholds stay.

        The patches least like the bank are kept. A larger bank can only lower a score, so the
        promise on false calls still holds.
        """
        small = thumbnails(pictures, self.config["size"], silent)
        return self.extended(small, ADDED * len(small))

    def extended(self, small: Thumbnails, kept: int) -> Self:
        """``add`` for (n, size, size, 3), with at most ``kept`` patches of each level."""
        generator = torch.Generator().manual_seed(self.config["seed"])
        numbers = len(self.marks) + np.arange(len(small))
        larger = bank.extend(self.bank, self.features, small, numbers, kept, generator)
        config = {**self.config, "pictures": self.config["pictures"] + len(small)}
        marks = np.concatenate([self.marks, _marks(small)])
        return replace(self, config=config, bank=larger, marks=marks)

    def remove(self, pictures: Sequence[Picture]) -> Self:
        """A detector that no longer knows these pictures, which were normals by mistake.

        ValueError for a picture that it was not fitted on. A smaller bank can raise the scores of
        other normals, so what was promised on false calls is withdrawn until the next fit.
        """
        small = thumbnails(pictures, self.config["size"], silent)
        numbers = [self._number_of(mark) for mark in _marks(small)]
        limits = replace(self.thresholds, promise=WITHDRAWN)
        config = {
            **self.config,
            "pictures": self.config["pictures"] - len(set(numbers)),
            "thresholds": limits.as_json(),
        }
        marks = self.marks.copy()
        marks[numbers] = 0
        smaller = bank.without(self.bank, numbers)
        return replace(self, config=config, bank=smaller, thresholds=limits, marks=marks)

    def _number_of(self, mark: NDArray[np.uint8]) -> int:
        found = np.flatnonzero((self.marks == mark).all(axis=1))
        if not len(found):
            raise ValueError("a picture to be removed is none that this memory was fitted on")
        return int(found[0])

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        heats = self.usual.heat(bank.distances(self.bank, self.features, small))
        return [Sighting(h, float(s)) for h, s in zip(heats, scores(heats), strict=True)]

    def tensors(self) -> dict[str, NDArray[Any]]:
        found = under("backbone", self.features.backbone.weights())
        found["marks"] = self.marks
        for index, level in enumerate(self.bank.levels):
            found[f"bank.{index}"] = level.rows.half().numpy(force=True)
            if level.spread is not None:
                found[f"row_spread.{index}"] = level.spread.half().numpy(force=True)
            found[f"row_source.{index}"] = level.source.numpy(force=True)
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
        count = len(features.typical)
        levels = [_level(index, tensors, place) for index in range(count)]
        weight = (config.get("alignment") or {}).get("place_weight", 0.0)
        usual = Usual(
            [tensors[f"mean.{index}"] for index in range(count)],
            [tensors[f"spread.{index}"] for index in range(count)],
            config["levels"]["weights"] if "levels" in config else OLD_SHARES[-count:],
            config["unit"],
        )
        limits = Thresholds.from_json(config["thresholds"])
        marks = tensors.get("marks", np.zeros((0, MARK), np.uint8))
        return cls(config, features, bank.Bank(levels, weight), usual, limits, marks)


def _level(index: int, tensors: artefact.Tensors, place: torch.device) -> Level:
    """Artefacts of version 0.1 do not know the source of a row."""
    rows = torch.from_numpy(tensors[f"bank.{index}"]).to(place).float()
    count = len(rows)
    source = tensors.get(f"row_source.{index}", np.full(count, -1, np.int32))
    spread = tensors.get(f"row_spread.{index}")
    return Level(
        rows,
        torch.from_numpy(source).to(place),
        None if spread is None else torch.from_numpy(spread).to(place).float(),
    )


def _marks(small: Thumbnails) -> NDArray[np.uint8]:
    """(n, 16): a digest of each thumbnail."""
    made = [hashlib.sha256(one.tobytes()).digest()[:MARK] for one in small]
    return np.frombuffer(b"".join(made), np.uint8).reshape(len(small), MARK).copy()


@dataclass(frozen=True, eq=False)
class _School:
    """Normals in folds: each fold gives its part of the bank and is held out from the others'."""

    features: PatchFeatures
    small: Thumbnails
    fold: NDArray[np.int64]
    seed: int
    place_weight: float
    reweighted: bool

    @property
    def turned(self) -> bool:
        """A few shots of parts that may lie anyhow are learnt in each quarter turn
        (AnomalyDINO, Damm et al. 2025).
        """
        return len(self.small) <= FEW and not self.place_weight

    def banks(self, kept: int, progress: Progress) -> list[Bank]:
        """One bank a fold; together they hold ``kept`` patches of each level."""
        generator = torch.Generator().manual_seed(self.seed)
        count, made = int(self.fold.max()) + 1, []
        for number in range(count):
            numbers = np.flatnonzero(self.fold == number)
            small = self.small[numbers]
            if self.turned:
                small = np.concatenate([np.rot90(small, turn, (1, 2)) for turn in range(4)])
                numbers = np.tile(numbers, 4)
            share = (self.features, np.ascontiguousarray(small), numbers, max(1, kept // count))
            made.append(bank.learn(*share, generator, self.place_weight, self.reweighted))
            progress(len(self.small) + int((self.fold <= number).sum()), 2 * len(self.small))
        return made

    def held_out(self, banks: Sequence[Bank]) -> Maps:
        """Distances of each picture to the banks of the folds that it is not in."""
        found = []
        for number in range(len(banks)):
            others = bank.together([one for index, one in enumerate(banks) if index != number])
            found.append(bank.distances(others, self.features, self.small[self.fold == number]))
        order = np.argsort(
            np.concatenate([np.flatnonzero(self.fold == n) for n in range(len(banks))])
        )
        return [np.concatenate(level)[order] for level in zip(*found, strict=True)]
