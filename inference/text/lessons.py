"""What confirmed defects teach a detector that reads, taken from each picture once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from inference.backbones.clip_family import ClipBackbone
from inference.detector import silent
from inference.labelled import Labelled
from inference.patches import thumbnails
from inference.text.bank import TextBank
from inference.text.guided import tokens_of
from inference.text.regiontypes import pooled, temperature


@dataclass(frozen=True, eq=False)
class TextLessons:
    """One entry a defect. ``spots``: unit (D,) of its mask's place, or of the whole picture."""

    tokens: list[Tensor]  # (10, D) each
    spots: list[Tensor]
    types: tuple[str, ...]  # "" = not known
    groups: tuple[str, ...]
    names: tuple[str, ...]  # sha256 of each file, "" = not known

    @classmethod
    def of(cls, sight: ClipBackbone, defects: Sequence[Labelled], size: int) -> Self:
        """Seen as square pictures of ``size`` pixels."""
        # A defect's picture may be decoded whenever it is asked for, so each is asked for once.
        found = [
            (*_seen(sight, one, size), one.defect_type, one.group, one.sha256) for one in defects
        ]
        tokens, spots, *words = zip(*found, strict=True) if found else ((),) * 5
        return cls(list(tokens), list(spots), *(tuple(column) for column in words))

    def facts(self) -> dict[str, Any]:
        """What an evaluation must know, plain."""
        return {
            "defects": len(self.types),
            "learnt": sorted(set(self.names) - {""}),
            "seen_types": sorted(set(self.types) - {""}),
        }

    def temperature(self, text: TextBank) -> float:
        """For probabilities of types, from the defects whose type is known."""
        known = [index for index, code in enumerate(self.types) if code in text.codes]
        if not known:
            return text.temperature
        truth = [text.codes.index(self.types[index]) for index in known]
        features = torch.stack([self.spots[index] for index in known])
        return temperature(features, truth, text.types, text.temperature)


def _seen(sight: ClipBackbone, one: Labelled, size: int) -> tuple[Tensor, Tensor]:
    small = torch.from_numpy(thumbnails([one.picture], size, silent))
    seen = sight.see(small.to(sight.device).permute(0, 3, 1, 2))
    whole = np.ones((one.picture.height, one.picture.width), bool)
    place = pooled(seen.joint[-1][0], whole if one.mask is None else one.mask)
    return tokens_of(seen.picture, seen.joint[-1])[0], place
