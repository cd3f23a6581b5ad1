"""Names from sentences: which type's texts a crop resembles most. Nothing has to be confirmed.

CLIP (Radford et al. 2021, arXiv 2103.00020): pictures and sentences in one space. Each type has
several sentences (IAD-GPT's abnormal prompts), whose mean stands for it. Sentences of the type
*unknown* ("a picture of a surface") are what the others have to beat. Knows no tokens and no
network: an encoder and a bank of text features are given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.artefact import Tensors
from inference.backbones import restore
from inference.devices import chosen
from inference.images import Picture
from inference.judgement import Candidate, Region
from inference.namers import crops
from inference.namers.namer import UNKNOWN, Namer, part, ranked, softmax, under

SIZE = 224
SCALE = 100.0  # CLIP's learnt factor before the softmax

Floats = NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """What sees crops in the space of the sentences; a backbone with text is one."""

    spec: dict[str, Any]

    def encode_image(self, crops: NDArray[np.uint8]) -> Floats:
        """uint8 (N, S, S, 3) to float32 (N, D)."""
        ...

    def weights(self) -> Tensors: ...


@dataclass(frozen=True, eq=False)
class TextBank:
    """Features of sentences, (S, D), and of which type each is."""

    features: Floats
    types: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.features) != len(self.types):
            raise ValueError("each sentence of a text bank needs a type")
        if not set(self.types) - {UNKNOWN}:
            raise ValueError("a text bank needs sentences of at least one defect type")

    def means(self, codes: Sequence[str]) -> NDArray[np.float64]:
        """(T, D): of each type the mean direction of its sentences."""
        rows = _of_length_one(self.features.astype(np.float64))
        of = np.array(self.types)
        return _of_length_one(np.stack([rows[of == code].mean(axis=0) for code in codes]))


@dataclass(frozen=True, eq=False)
class Prompts(Namer):
    config: dict[str, Any]
    encoder: Encoder
    means: NDArray[np.float64]  # (T, D), unknown last if it has sentences

    @classmethod
    def of(
        cls, encoder: Encoder, bank: TextBank, *, size: int = SIZE, scale: float = SCALE
    ) -> Self:
        """A ready namer. Without sentences of the type *unknown* it is never said."""
        codes = sorted(set(bank.types) - {UNKNOWN})
        spoken = [*codes, UNKNOWN] if UNKNOWN in bank.types else codes
        means = bank.means(spoken).astype(np.float32).astype(np.float64)
        config = {
            "namer": "prompts",
            "types": codes,
            "backbone": encoder.spec,
            "size": size,
            "scale": scale,
        }
        return cls(config, encoder, means)

    def name(self, picture: Picture, regions: Sequence[Region]) -> list[list[Candidate]]:
        if not regions:
            return []
        seen = self.encoder.encode_image(crops.crops(picture, regions, self.config["size"]))
        alike = _of_length_one(seen.astype(np.float64)) @ self.means.T
        shares = softmax(self.config["scale"] * alike)
        codes = [*self.config["types"], UNKNOWN]
        missing = np.zeros((len(shares), len(codes) - shares.shape[1]))
        return [ranked(codes, row) for row in np.concatenate([shares, missing], axis=1)]

    def tensors(self) -> Tensors:
        own = {"means": self.means.astype(np.float32)}
        return {**under("backbone", self.encoder.weights()), **own}

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Self:
        network = restore(config["backbone"], part("backbone", tensors)).to(chosen(device))
        if not isinstance(network, Encoder):
            raise ValueError(f"the backbone {config['backbone']['name']} does not know texts")
        return cls.beside(network, config, tensors)

    @classmethod
    def beside(cls, encoder: Encoder, config: dict[str, Any], tensors: Tensors) -> Self:
        """The namer of a config and tensors with an encoder that is already there."""
        return cls(config, encoder, np.asarray(tensors["means"], np.float64))


def _of_length_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))
