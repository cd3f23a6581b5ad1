"""Sentences as directions in the joint space of pictures and text. Knows no picture file.

Sentences that mean the same are averaged (the prompt ensemble of CLIP and WinCLIP). *Abnormal* is
half the general templates and half the product's own defect types, each type counting once, so
that a long catalogue does not drown the general case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.artefact import Tensors
from inference.judgement import Candidate
from inference.language.prompts import Prompts


class Reader(Protocol):
    """A text tower: unit float32 (n, D) of n sentences."""

    def encode(self, sentences: Sequence[str]) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class TextBank:
    """``states``: unit (2, D), normal and abnormal. ``types``: unit (T, D), one row a code."""

    states: Tensor
    types: Tensor
    codes: tuple[str, ...]
    temperature: float  # of the softmax over normal and abnormal: the model's own

    @classmethod
    def of(cls, reader: Reader, prompts: Prompts, temperature: float) -> Self:
        """From sentences; ValueError if there is none for a state or a type."""
        normal, abnormal = (_mean(reader, lines) for lines in (prompts.normal, prompts.abnormal))
        rows = [_mean(reader, lines) for lines in prompts.defects.values()]
        types = torch.stack(rows) if rows else normal.new_empty(0, len(normal))
        if rows:
            abnormal = abnormal + functional.normalize(types.mean(dim=0), dim=0)
        states = functional.normalize(torch.stack([normal, abnormal]), dim=1)
        return cls(states, types, tuple(prompts.defects), temperature)

    @property
    def categories(self) -> Tensor:
        """Unit (2 + T, D): normal, abnormal and each type."""
        return torch.cat([self.states, self.types])

    def abnormal(self, features: Tensor) -> Tensor:
        """Unit (..., D) to (...): how likely abnormal, a softmax over the two states."""
        return (features @ self.states.T / self.temperature).softmax(dim=-1)[..., 1]

    def ranked(self, features: Tensor, temperature: float) -> list[Candidate]:
        """Types for one unit (D,), most likely first; probabilities add up to 1."""
        if not self.codes:
            return []
        likely = (features @ self.types.T / temperature).softmax(dim=-1).tolist()
        found = [Candidate(code=c, probability=p) for c, p in zip(self.codes, likely, strict=True)]
        return sorted(found, key=lambda one: -one.probability)

    def tensors(self) -> dict[str, NDArray[Any]]:
        return {"states": self.states.numpy(force=True), "types": self.types.numpy(force=True)}

    @classmethod
    def rebuilt(
        cls, tensors: Tensors, codes: Sequence[str], temperature: float, device: torch.device
    ) -> Self:
        states, types = (torch.from_numpy(tensors[n]).to(device) for n in ("states", "types"))
        return cls(states, types, tuple(codes), temperature)


def _mean(reader: Reader, lines: Sequence[str]) -> Tensor:
    return functional.normalize(reader.encode(lines).mean(dim=0), dim=0)
