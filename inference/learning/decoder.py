"""A small network over frozen features that says where a defect is. Knows no file and no schedule.

Each level of the backbone is narrowed by a 1 x 1 convolution, brought to the finest grid and put
beside the others; two 3 x 3 convolutions look at the surroundings of a place. The loss is focal
(Lin et al. 2017, gamma 2: easy places weigh little) plus Dice (Milletari et al. 2016: a small
defect counts as much as a large one) plus, as in DevNet (Pang et al. 2021, arXiv 2108.00462), one
term for the picture as a whole, whose score is the mean of its hottest places.

Chosen by measurement on magnetic tiles: defects of half of the parts were taught, the others told
from held-out normals. That set has defects in its test split only, so figures on it are slightly
flattering. The term for the whole raised the image AUROC of the head from 0.75 to 0.79. A fusion
with a memory hardly gained by it (0.88 to 0.87 with different weights of it), nor by the
difference to the nearest normal patch as a further input (PRN, Zhang et al. 2023; 0.871 to
0.868), which a memory brings already; so that input is left out.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from inference.usual import HOTTEST

WIDTH = 32  # channels inside
DROPPED = 0.1  # share of the channels that a training step does not see
GAMMA = 2.0
FOCAL, DICE, IMAGE = 4.0, 1.0, 1.0  # weights of the terms
FIRST_GUESS = -2.0  # logit of an untaught network: most places are good
COVERED = 0.25  # a place is defective if a mask covers this share of it, or half of its fullest


class Decoder(nn.Module):
    """``channels[i]`` are those of level i, finest grid first."""

    def __init__(self, channels: Sequence[int], width: int = WIDTH) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.drop = nn.Dropout2d(DROPPED)
        self.look = nn.Conv2d(width * len(channels), width, 3, padding=1)
        self.look_again = nn.Conv2d(width, width, 3, padding=1)
        self.answer = nn.Conv2d(width, 1, 1)
        self.answer.get_parameter("bias").data.fill_(FIRST_GUESS)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """(B, h_i, w_i, C_i) a level to logits (B, h, w) on the finest grid."""
        grid = levels[0].shape[1:3]
        found = [
            _on(grid, torch.relu(narrow(level.permute(0, 3, 1, 2))))
            for narrow, level in zip(self.narrow, levels, strict=True)
        ]
        seen = self.drop(torch.cat(found, dim=1))
        seen = torch.relu(self.look_again(torch.relu(self.look(seen))))
        answer: Tensor = self.answer(seen)
        return answer[:, 0]


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Scalar, from logits and truth 0 or 1, both (B, h, w)."""
    return (
        FOCAL * _focal(logits, truth) + DICE * _dice(logits, truth) + IMAGE * _whole(logits, truth)
    )


def targets(masks: NDArray[np.bool_] | NDArray[np.uint8], grid: tuple[int, int]) -> Tensor:
    """(n, H, W) of pixels to bool (n, h, w) of places; a mask that is not empty keeps a place."""
    pixels = torch.from_numpy(masks.astype(np.float32))[:, None]
    share = functional.adaptive_avg_pool2d(pixels, grid)[:, 0]
    fullest = share.amax(dim=(1, 2), keepdim=True)
    return (share > 0) & (share >= torch.clamp(fullest / 2, max=COVERED))


def _focal(logits: Tensor, truth: Tensor) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return ((1 - torch.exp(-each)) ** GAMMA * each).mean()


def _dice(logits: Tensor, truth: Tensor) -> Tensor:
    chance = torch.sigmoid(logits)
    common = (chance * truth).sum(dim=(1, 2))
    either = chance.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    return (1 - (2 * common + 1) / (either + 1)).mean()


def _whole(logits: Tensor, truth: Tensor) -> Tensor:
    count = max(1, round(HOTTEST * logits[0].numel()))
    score = logits.flatten(1).topk(count).values.mean(dim=1)
    return functional.binary_cross_entropy_with_logits(score, truth.amax(dim=(1, 2)))


def _on(grid: torch.Size, level: Tensor) -> Tensor:
    if level.shape[2:] == grid:
        return level
    return functional.interpolate(level, grid, mode="bilinear")
