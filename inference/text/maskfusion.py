"""Several maps of one picture to one heat map (the multi-mask fusion of IAD-GPT, without training).

Maps come on scales of their own, so each is centred on what held-out normals show and divided by
their spread; then they are added with weights. The weights are a choice, not a measurement: the
memory of good parts is the better witness where there is one (WinCLIP+ gains 1 to 3 points of
image AUROC and 10 of pixel AUROC on MVTec AD over text alone, Jeong et al. 2023), and a
trained head counts as much as the memory (BenchReAD). Absent maps leave the others' proportions.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.usual import scores

WEIGHTS = {"memory": 0.5, "head": 0.5, "text": 0.25, "picture": 0.25}
SMOOTHING = 1.0  # sigma of the heat map, in places of the grid
# Of a probability or a cosine. Normals that are all alike must not make any change infinite.
LEAST = 0.02

Floats = NDArray[np.float32]
Maps = Mapping[str, Floats]  # by the names of WEIGHTS, each (n, h, w) of the same shape


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """``unit``: raw score of the median held-out normal, so that its score is 1."""

    centres: dict[str, float]
    spreads: dict[str, float]
    unit: float = 1.0

    @classmethod
    def of(cls, held_out: Maps) -> tuple[Self, NDArray[np.float64]]:
        """From the maps of held-out normals; and those normals' scores."""
        centres = {name: float(np.median(found)) for name, found in held_out.items()}
        spreads = {name: max(float(found.std()), LEAST) for name, found in held_out.items()}
        raw = scores(cls(centres=centres, spreads=spreads).heat(held_out))
        unit = max(float(np.median(raw)), 0.1)
        return cls(centres=centres, spreads=spreads, unit=unit), raw / unit

    def heat(self, maps: Maps) -> Floats:
        """(n, h, w) >= 0; it never falls when a map grows. ValueError if other maps are given."""
        if set(maps) != set(self.centres):
            raise ValueError(f"fusion was fitted on {sorted(self.centres)}, not {sorted(maps)}")
        whole = sum(WEIGHTS[name] for name in maps)
        parts = [
            WEIGHTS[name] / whole * (found - self.centres[name]) / self.spreads[name]
            for name, found in maps.items()
        ]
        total = np.asarray(np.sum(parts, axis=0), np.float32)
        smooth = np.stack([_smooth(one) for one in total])
        return np.asarray(np.maximum(smooth, 0) / self.unit, np.float32)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _smooth(place: Floats) -> Floats:
    blurred = cv2.GaussianBlur(place, (0, 0), SMOOTHING, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
