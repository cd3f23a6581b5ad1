"""Do all pictures show the part in the same place? Found out from the normals, with evidence.

If a patch and the patch most like it in *any one* picture of another part lie at about the same
place, the parts are aligned, and the place may help to compare: what is normal at the edge is not
in the middle. Where parts lie anywhere, or a surface looks the same all over, the most alike
patch lies anywhere as well, and the place must not be looked at.

Each other picture is asked by itself. Among many pictures of parts that lie anywhere one is found
that lies the same way, and the nearest patch of them all is then at the same place too: turned
screws looked aligned by that (0.09 sides), pair by pair they do not (0.26 to 0.31).

Only the quarter of the patches that are farthest from all others is asked: a still background is
always at its place and proves nothing.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.nearest import nearest_row
from inference.patches import PatchFeatures, Thumbnails, batches

PICTURES = 16  # of each half that are compared
LEAST = 4  # parts below which nothing is concluded
ALIGNED = 0.10  # sides of the picture: a median displacement up to it is evidence
REACH = 0.25  # sides: a place this far off costs as much as a usual distance


@dataclass(frozen=True)
class Alignment:
    """``displacement``: median distance, in sides, from a patch's place to that of the patch most
    like it in another picture; ``by_chance``: the same to any patch."""

    displacement: float
    by_chance: float
    place_weight: float  # 0 = the place is not looked at

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def alignment(
    features: PatchFeatures, small: Thumbnails, fold: NDArray[np.int64]
) -> Alignment | None:
    """Of normals (n, size, size, 3) whose parts ``fold`` keeps apart; None for too few parts."""
    asked = small[fold == 0][:PICTURES]
    known = small[fold != 0][:PICTURES]
    if len(asked) + len(known) < LEAST or not len(asked):
        return None
    patches, where = _patches(features, asked)
    others, there = _patches(features, known)
    far, which = _in_each(patches, others.reshape(len(known), -1, others.shape[1]))
    unlike = far.median(dim=0).values
    telling = unlike.topk(max(1, len(unlike) // 4)).indices
    place = there[: len(there) // len(known)]  # the same in every picture
    moved = (where - place[which])[:, telling].norm(dim=-1).median().item()
    chance = (where - place[torch.arange(len(where)) * 7919 % len(place)])[telling].norm(dim=1)
    weight = far.amin(dim=0).median().item() / REACH if moved <= ALIGNED else 0.0
    return Alignment(round(moved, 4), round(chance.median().item(), 4), round(weight, 4))


def _in_each(patches: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """For each of (k, P, C): distance (k, N) from (N, C) to its nearest patch, and its index."""
    found = [nearest_row(patches, picture) for picture in pictures]
    return torch.stack([far for far, _ in found]), torch.stack([which for _, which in found])


def _patches(features: PatchFeatures, small: Thumbnails) -> tuple[Tensor, Tensor]:
    """Patches (N, C) of the level with the most features on a middle grid, and places (N, 2)."""
    found = [features.levels(batch) for batch in batches(small, features.backbone.device)]
    middle = min(1, len(found[0]) - 1)
    level = torch.cat([levels[middle] for levels in found])
    height, width = level.shape[1:3]
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
    )
    places = torch.stack([y, x], dim=-1).expand(len(level), -1, -1, -1)
    return level.flatten(0, 2), places.flatten(0, 2).to(level.device)
