"""Confirmed defects made small, as the normals are, and what is said of them in an artefact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.detector import silent
from inference.labelled import Labelled
from inference.patches import Thumbnails, thumbnails


@dataclass(frozen=True, eq=False)
class Confirmed:
    """``small`` uint8 (m, size, size, 3) and ``masks`` bool (m, size, size) of those with a mask.

    A picture without one (its place is unknown, or it is another view of a part that is learnt)
    teaches nothing, but it is named in ``sha256`` so that no test takes it.
    """

    small: Thumbnails
    masks: NDArray[np.bool_]
    groups: tuple[str, ...]
    types: frozenset[str]
    sha256: frozenset[str]

    @classmethod
    def of(cls, defects: Sequence[Labelled], size: int) -> Self:
        """Each is read once. ValueError if a mask has not the size of its picture."""
        small, masks, groups, types, names = [], [], [], set(), set()
        for defect in defects:
            names.add(defect.sha256)
            if defect.mask is None or not defect.mask.any():
                continue
            small.append(thumbnails([defect.picture], size, silent)[0])
            masks.append(_small_mask(defect, size))
            groups.append(defect.group)
            types.add(defect.defect_type)
        return cls(
            np.array(small, np.uint8).reshape(-1, size, size, 3),
            np.array(masks, bool).reshape(-1, size, size),
            tuple(groups),
            frozenset(types - {""}),
            frozenset(names - {""}),
        )

    def __len__(self) -> int:
        return len(self.small)

    def as_config(self) -> dict[str, Any]:
        """``learnt``: the files of which no test may be made; ``seen_types``: the types learnt."""
        return {
            "defects": len(self),
            "learnt": sorted(self.sha256),
            "seen_types": sorted(self.types),
        }


def _small_mask(defect: Labelled, size: int) -> NDArray[np.bool_]:
    """A pixel is defective if any of it is: a fine crack must not be lost when it shrinks."""
    mask = defect.mask
    if mask is None or mask.shape != (defect.picture.height, defect.picture.width):
        raise ValueError("the mask of a defect must have the size of its picture")
    share = cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0)
