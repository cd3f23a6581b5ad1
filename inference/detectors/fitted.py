"""What all detectors share once they are fitted: judging, and their life as an artefact.

A detector is a config (plain values) and tensors; ``rebuilt`` makes one of them again. So a
detector can be part of another one: a fusion holds the config and tensors of its members.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from inference import artefact, pipeline
from inference.artefact import Tensors
from inference.images import Picture
from inference.judgement import Judgement
from inference.pipeline import Sighting
from inference.thresholds import Thresholds


class Fitted(ABC):
    config: dict[str, Any]
    thresholds: Thresholds

    @abstractmethod
    def see(self, pictures: Sequence[Picture]) -> list[Sighting]:
        """One heat map and one score a picture, in one forward pass if that is faster."""

    @abstractmethod
    def tensors(self) -> Tensors:
        """Everything besides ``config`` that ``rebuilt`` needs, as NumPy arrays."""

    @classmethod
    @abstractmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        """The detector of a config and tensors."""

    @cached_property
    def artefact_sha256(self) -> str:
        return artefact.name(self.config, self.tensors())

    def judge(self, image: bytes) -> Judgement:
        return pipeline.judge(self, image)

    def judge_many(self, pictures: Sequence[Picture]) -> list[Judgement]:
        return pipeline.judge_many(self, pictures)

    def save(self, folder: Path, notes: dict[str, Any] | None = None) -> str:
        return artefact.write(folder, self.config, self.tensors(), notes)

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        found = artefact.read(folder)
        return cls.rebuilt(found.config, found.tensors, device=device)

    def with_thresholds(self, limits: Thresholds) -> Self:
        """The same detector, which judges by other thresholds."""
        config = {**self.config, "thresholds": limits.as_json()}
        changed: Self = replace(cast(Any, self), config=config, thresholds=limits)
        return changed

    def about(self) -> dict[str, Any]:
        return dict(self.config)


def under(prefix: str, tensors: Tensors) -> dict[str, Any]:
    """The tensors of a part, named as the whole names them."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def part(prefix: str, tensors: Tensors) -> dict[str, Any]:
    """The tensors of a part, named as the part itself names them."""
    start = f"{prefix}."
    return {n.removeprefix(start): v for n, v in tensors.items() if n.startswith(start)}
