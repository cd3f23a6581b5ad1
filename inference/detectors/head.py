"""Localisation taught with masks: a small decoder over the frozen features of the backbone.

Learnt from confirmed defects, made-up ones (``inference.synthesis``) and the good pictures
themselves; with no confirmed defect at all, from made-up ones alone. It is good at the types it
has seen and knows little of others: ``fusion`` puts a memory beside it.

Calibration. A quarter of the normals (whole groups, none with a learnt defect) is held out before
anything is taught, and the thresholds are taken on it. Another fifth stops the teaching in time.
A memory can calibrate on every normal because its folds are cheap; teaching a decoder for each
fold would cost as many times as much, and no test label is ever looked at.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from inference.artefact import Tensors
from inference.backbones import open_backbone, restore
from inference.detector import Progress, silent
from inference.detectors.fitted import Fitted, part, under
from inference.devices import chosen, each_on_a_core
from inference.images import Picture
from inference.labelled import Labelled
from inference.learning import trainer
from inference.learning.confirmed import Confirmed
from inference.learning.decoder import Decoder
from inference.learning.lessons import Course
from inference.learning.parting import Parted, parted
from inference.learning.trainer import stage
from inference.patches import PatchFeatures, Thumbnails, batches, thumbnails
from inference.pipeline import Sighting
from inference.thresholds import Thresholds, calibrate
from inference.usual import Floats, scores

STAGES = 3  # pictures made small (one), features taken and decoder taught (two)


@dataclass(frozen=True, eq=False)
class Head(Fitted):
    config: dict[str, Any]
    features: PatchFeatures
    decoder: Decoder
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
        """A ready detector. With ``checkpoint``, a fit that was killed goes on from that file.

        ValueError without three good parts (``parting.parted``) or for a mask of another size.
        """
        network = open_backbone(backbone).to(chosen(device))
        names = list(groups) if groups is not None else [""] * len(pictures)
        confirmed = Confirmed.of(defects, size)
        parts = parted(names, confirmed.groups, seed)
        small = thumbnails(pictures, size, stage(progress, 0, STAGES))
        features = PatchFeatures.of(network, small[~parts.calibrating])
        config = {
            "backbone": network.spec,
            "size": size,
            "seed": seed,
            "pictures": len(small),
            "false_call_rate": false_call_rate,
        }
        return cls.taught(
            features, small, names, confirmed, parts, config,
            checkpoint=checkpoint, progress=_rest(progress),
        )  # fmt: skip

    @classmethod
    def taught(
        cls,
        features: PatchFeatures,
        small: Thumbnails,
        groups: Sequence[str],
        confirmed: Confirmed,
        parts: Parted,
        config: dict[str, Any],
        *,
        checkpoint: Path | None,
        progress: Progress,
    ) -> Self:
        """Of pictures made small, and of features that a fusion shares with its memory."""
        decoder = _decoder(features, small, confirmed, parts, config, checkpoint, progress)
        held_out = small[parts.calibrating]
        names = [groups[index] for index in np.flatnonzero(parts.calibrating)]
        logits = _logits(features, decoder, held_out)
        floor = float(np.median(logits))
        raw = scores(_above(logits, floor))
        unit = max(float(np.median(raw)), 1e-3)
        limits = calibrate(raw / unit, names, false_call_rate=config["false_call_rate"])
        whole = {
            **config,
            "detector": "head",
            "typical": list(features.typical),
            "channels": [narrow.in_channels for narrow in decoder.narrow],
            "floor": floor,
            "unit": unit,
            **confirmed.as_config(),
            "thresholds": limits.as_json(),
        }
        return cls(whole, features, decoder, limits)

    def heat(self, levels: Sequence[torch.Tensor]) -> Floats:
        """Features (n, h_i, w_i, C_i) a level to heat (n, h, w) >= 0; 1 is a usual good picture."""
        with torch.inference_mode():
            logits = self.decoder(levels).numpy(force=True)
        return np.asarray(_above(logits, self.config["floor"]) / self.config["unit"], np.float32)

    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        small = thumbnails(pictures, self.config["size"], silent)
        device = self.features.backbone.device
        found = each_on_a_core(
            lambda batch: self.heat(self.features.levels(batch)), batches(small, device), device
        )
        heats = np.concatenate(found)
        return [Sighting(h, float(s)) for h, s in zip(heats, scores(heats), strict=True)]

    def own_tensors(self) -> dict[str, NDArray[Any]]:
        """Without the backbone, which a fusion stores once."""
        state = self.decoder.state_dict()
        return under("decoder", {name: v.numpy(force=True) for name, v in state.items()})

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {**under("backbone", self.features.backbone.weights()), **self.own_tensors()}

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        network = restore(config["backbone"], part("backbone", tensors)).to(chosen(device))
        return cls.on(PatchFeatures(network, tuple(config["typical"])), config, tensors)

    @classmethod
    def on(cls, features: PatchFeatures, config: dict[str, Any], tensors: Tensors) -> Self:
        """On features that are there already."""
        decoder = Decoder(config["channels"])
        state = part("decoder", tensors)
        decoder.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
        decoder.to(features.backbone.device).eval().requires_grad_(False)
        return cls(config, features, decoder, Thresholds.from_json(config["thresholds"]))


def _rest(progress: Progress) -> Progress:
    """The two stages after the first."""
    return lambda done, total: progress(100 + 200 * done // max(total, 1), 300)


def _decoder(
    features: PatchFeatures,
    small: Thumbnails,
    confirmed: Confirmed,
    parts: Parted,
    config: dict[str, Any],
    checkpoint: Path | None,
    progress: Progress,
) -> Decoder:
    rng = np.random.default_rng(config["seed"])
    pairs = [
        (parts.teaching, ~parts.defects_validating),
        (parts.validating, parts.defects_validating),
    ]
    course, exam = (
        Course.of(
            features, small[normals], confirmed.small[bad], confirmed.masks[bad], rng,
            stage(stage(progress, 0, 2), number, 2),
        )
        for number, (normals, bad) in enumerate(pairs)
    )  # fmt: skip
    return trainer.taught(
        course,
        exam,
        seed=config["seed"],
        device=features.backbone.device,
        progress=stage(progress, 1, 2),
        path=checkpoint,
        fingerprint=_fingerprint(features, small, confirmed, parts, config) if checkpoint else "",
    )


def _fingerprint(
    features: PatchFeatures,
    small: Thumbnails,
    confirmed: Confirmed,
    parts: Parted,
    config: dict[str, Any],
) -> str:
    """What a checkpoint belongs to: the same weights, pictures, masks, parts and settings."""
    found = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    found.update(features.backbone.digest().encode())
    shares = parts.teaching, parts.validating, parts.defects_validating
    for array in (small, confirmed.small, confirmed.masks, *shares):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _logits(features: PatchFeatures, decoder: Decoder, small: Thumbnails) -> Floats:
    """(n, h, w) of pictures made small."""
    with torch.inference_mode():
        found = [decoder(features.levels(one)) for one in batches(small, features.backbone.device)]
    return np.concatenate([one.numpy(force=True) for one in found])


def _above(logits: Floats, floor: float) -> Floats:
    return np.asarray(np.maximum(logits - floor, 0), np.float32)
