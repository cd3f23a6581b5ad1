"""What every namer can do: regions of a picture in, likely types out. Knows no detector."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference import artefact
from inference.artefact import Tensors
from inference.images import Picture
from inference.judgement import Candidate, Region

UNKNOWN = "unknown"  # the answer when nothing that was taught is near


class Namer(ABC):
    """Ready when constructed, like a detector: a config (plain values) and tensors.

    ``config["namer"]`` is the kind, ``config["types"]`` the types it can say besides *unknown*.
    """

    config: dict[str, Any]

    @abstractmethod
    def name(self, picture: Picture, regions: Sequence[Region]) -> list[list[Candidate]]:
        """For each region the types and *unknown*, most likely first; each list sums to 1."""

    @abstractmethod
    def tensors(self) -> Tensors:
        """Everything besides ``config`` that ``rebuilt`` needs, as NumPy arrays."""

    @classmethod
    @abstractmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        """The namer of a config and tensors."""

    def save(self, folder: Path, notes: dict[str, Any] | None = None) -> str:
        """An artefact without a detector; returns its sha256."""
        return artefact.write(folder, self.config, self.tensors(), notes)


def ranked(types: Sequence[str], probabilities: NDArray[np.float64]) -> list[Candidate]:
    """Candidates, most likely first; of equals the later one, so a tie with *unknown* is unknown."""
    order = sorted(range(len(types)), key=lambda index: (-probabilities[index], -index))
    return [Candidate(code=types[i], probability=float(probabilities[i])) for i in order]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def vote(candidates: Sequence[Sequence[Candidate]], areas: Sequence[int]) -> list[Candidate]:
    """The picture's types: the mean of its regions', each weighted by the root of its area.

    The weight is AnomalyNCD's (arXiv 2410.14379): a large region says more, but not all.
    Empty without regions.
    """
    if not candidates:
        return []
    weights = np.sqrt(np.asarray(areas, np.float64))
    weights /= weights.sum()
    types = sorted({c.code for c in candidates[0]}, key=lambda code: (code == UNKNOWN, code))
    totals = np.zeros(len(types))
    for weight, one in zip(weights, candidates, strict=True):
        shares = {c.code: c.probability for c in one}
        totals += weight * np.array([shares[code] for code in types])
    return ranked(types, totals)


def under(prefix: str, tensors: Tensors) -> dict[str, Any]:
    """As ``inference.detectors.fitted`` does; namers stand below detectors and do not know them."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def part(prefix: str, tensors: Tensors) -> dict[str, Any]:
    start = f"{prefix}."
    return {n.removeprefix(start): v for n, v in tensors.items() if n.startswith(start)}
