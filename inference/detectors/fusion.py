"""A memory of good parts and a head taught with defects, put together.

BenchReAD (Lian et al. 2025, arXiv 2507.10492): a supervised detector is best at the defects it
has seen and drops on others; a memory of normals keeps those. Each member's score is divided by
its spread among held-out normals (90th percentile minus median), so that both speak of the same
thing, and the root of the sum of their squares is taken. The paper takes the mean; there the noise
of a head that does not know a defect weighs as much as what the memory sees of it. On magnetic
tiles (one draw) the root loses 0.004 of image AUROC on learnt types against the mean; of three
types that were left out two gain 0.010 and 0.015 and one loses 0.006.

Held out from both, and cheap. The same quarter of the normals is kept from the memory and from
the head, and the thresholds are taken on it with exactly the members that judge later: split
conformal, but for the two spreads, which come from the same scores. Afterwards the memory learns
those normals too: a larger bank only shortens distances, so the fused score falls or stays, and
the calibration errs on the safe side. Keeping a quarter from the memory costs it nothing that can
be measured (magnetic tiles: image AUROC 0.881 with and without).

The backbone is stored once and looks at each picture once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference import bank
from inference.artefact import Tensors
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.detectors.head import Head
from inference.detectors.memory import ADDED, KEPT, Memory
from inference.devices import each_on_a_core
from inference.images import Picture, PictureFacts
from inference.labelled import Labelled
from inference.learning.confirmed import Confirmed
from inference.learning.parting import CALIBRATING, Parted, parted
from inference.learning.trainer import stage
from inference.patches import Thumbnails, batches, thumbnails
from inference.pipeline import Sighting
from inference.thresholds import Thresholds, calibrate
from inference.usual import Floats, scores

STAGES = 4  # pictures made small, memory, head, calibration
SHARE = 0.5  # of the memory; the head has the rest
ODD = 90  # percentile of held-out normals whose distance from the median is a member's spread
SHARED = ("backbone", "size", "seed", "pictures", "defects", "learnt", "seen_types")


@dataclass(frozen=True, eq=False)
class Fusion(Fitted):
    config: dict[str, Any]
    memory: Memory
    head: Head
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
        checkpoint: Path | None = None,
    ) -> Self:
        """A ready detector; faults as of ``Head.fit``, which ``checkpoint`` is passed on to."""
        names = list(groups) if groups is not None else [""] * len(pictures)
        confirmed = Confirmed.of(defects, size)
        parts = parted(names, confirmed.groups, seed)
        small = thumbnails(pictures, size, stage(progress, 0, STAGES))
        known = np.flatnonzero(~parts.calibrating)
        memory = Memory.fit(
            _as_pictures(small[known]),
            [names[index] for index in known],
            backbone=backbone,
            size=size,
            device=device,
            seed=seed,
            false_call_rate=false_call_rate,
            progress=stage(progress, 1, STAGES),
        )
        return cls._with_a_head(
            memory, small, names, confirmed, parts, false_call_rate, checkpoint, progress
        )

    @classmethod
    def _with_a_head(
        cls,
        memory: Memory,
        small: Thumbnails,
        names: Sequence[str],
        confirmed: Confirmed,
        parts: Parted,
        false_call_rate: float,
        checkpoint: Path | None,
        progress: Progress,
    ) -> Self:
        """Teach the head on the memory's features, and calibrate the two together."""
        config = {
            **{name: memory.config[name] for name in ("backbone", "size", "seed")},
            "pictures": len(small),
            "false_call_rate": false_call_rate,
        }
        head = Head.taught(
            memory.features, small, names, confirmed, parts, config,
            checkpoint=checkpoint, progress=stage(progress, 2, STAGES),
        )  # fmt: skip
        held_out, of = small[parts.calibrating], np.flatnonzero(parts.calibrating)
        fused = cls._calibrated(memory, head, held_out, [names[index] for index in of])
        # In proportion to what the memory holds.
        whole = fused._knowing(held_out, KEPT // (CALIBRATING - 1))
        progress(100 * STAGES, 100 * STAGES)
        return whole

    @classmethod
    def _calibrated(
        cls, memory: Memory, head: Head, held_out: Thumbnails, groups: Sequence[str]
    ) -> Self:
        """From normals (n, size, size, 3) that neither member has seen."""
        found = [scores(heats) for heats in _heats(memory, head, held_out)]
        weights = [
            share / max(float(np.percentile(own, ODD) - np.median(own)), 1e-3)
            for own, share in zip(found, (SHARE, 1 - SHARE), strict=True)
        ]
        fused = _together(weights, found)
        unit = float(np.median(fused))
        limits = calibrate(fused / unit, groups, false_call_rate=head.config["false_call_rate"])
        whole = {
            **{name: head.config[name] for name in SHARED},
            "detector": "fusion",
            "weights": [weight / unit for weight in weights],
            "members": {"memory": memory.config, "head": head.config},
            "thresholds": limits.as_json(),
        }
        return cls(whole, memory, head, limits)

    def add(self, pictures: Sequence[Picture]) -> Self:
        """A detector whose memory also knows these pictures as normal. The thresholds stay.

        As of ``Memory.add``: no score rises, so the promise on false calls still holds. The head
        learns nothing new; that takes a fit.
        """
        small = thumbnails(pictures, self.config["size"], silent)
        return self._knowing(small, ADDED * len(small))

    def _knowing(self, normals: Thumbnails, keep: int) -> Self:
        """With the memory extended by at most ``keep`` of these normals' patches of each level."""
        memory = self.memory.extended(normals, keep)
        members = {**self.config["members"], "memory": memory.config}
        return replace(self, memory=memory, config={**self.config, "members": members})

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        heats = _heats(self.memory, self.head, small)
        weights = self.config["weights"]
        fused = _together(weights, heats)
        totals = _together(weights, [scores(own) for own in heats])
        return [_sighting(heat, float(total)) for heat, total in zip(fused, totals, strict=True)]

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {
            **under("memory", self.memory.tensors()),
            **under("head", self.head.own_tensors()),
        }

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        members = config["members"]
        memory = Memory.rebuilt(members["memory"], part("memory", tensors), device=device)
        head = Head.on(memory.features, members["head"], part("head", tensors))
        return cls(config, memory, head, Thresholds.from_json(config["thresholds"]))


def _heats(memory: Memory, head: Head, small: Thumbnails) -> tuple[Floats, Floats]:
    """Heat (n, h, w) of the memory and of the head, from one pass of the backbone."""

    def of_batch(batch: Tensor) -> tuple[list[Floats], Floats]:
        levels = memory.features.levels(batch)
        return bank.distances_of(memory.bank, levels), head.heat(levels)

    device = memory.features.backbone.device
    found = each_on_a_core(of_batch, batches(small, device), device)
    far = [np.concatenate(level) for level in zip(*(one for one, _ in found), strict=True)]
    return memory.usual.heat(far), np.concatenate([heat for _, heat in found])


def _together(weights: Sequence[float], members: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Of the members' heat or scores, all >= 0; it never falls when one of them rises."""
    squares = [(weight * own) ** 2 for weight, own in zip(weights, members, strict=True)]
    return np.asarray(np.sqrt(sum(squares)))


def _sighting(heat: Floats, score: float) -> Sighting:
    """Where the members are hottest at different places the fused heat is lower than the score
    that they share; it is lifted then, so that a picture that is not ok has a region.
    """
    lift = score / max(float(heat.max()), 1e-12)
    return Sighting(np.asarray(heat * max(1.0, 1.000001 * lift), np.float32), score)


def _as_pictures(small: Thumbnails) -> list[Picture]:
    height, width = small.shape[1:3]
    return [Picture(one, PictureFacts("PNG", width, height, "RGB")) for one in small]
