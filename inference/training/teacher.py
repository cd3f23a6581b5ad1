"""What the pupil is to answer: the features of its teacher, turned onto their strongest directions.

The turn keeps lengths and angles, so distances between patches stay what they are to the teacher.
In the turned channels it can be seen which directions are faint.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from inference.backbones import Backbone, open_backbone
from inference.backbones.pupil import CHANNELS
from inference.faults import Fault
from inference.training.lessons import BATCH, SIDE
from inference.training.scenes import scenes

STRIDES = "8,16"
LOOKED_AT = 24  # batches from which the directions are taken
PATCHES = 2_000  # of each of these batches
FAINT = 0.1  # of a level's mean power: channels below it count like this
EACH_CHANNEL = 0.5  # weight of the error that counts each channel by its own power


class NoTeacher(Fault):
    """It has other features than the pupil is to learn."""


@dataclass(frozen=True, eq=False)
class Teacher:
    backbone: Backbone
    turns: list[Tensor]  # (C_i, C_i) a level, orthonormal
    powers: list[Tensor]  # (C_i,) a level: variance of each turned channel

    @classmethod
    def of(cls, name: str, device: torch.device) -> Self:
        """NoTeacher unless it has as many channels at strides 8 and 16 as the pupil answers."""
        if not name.startswith("timm:"):
            raise NoTeacher(f"{name} cannot teach: name a timm:mobilenetv2_100@FILE.")
        backbone = open_backbone(f"{name}?strides={STRIDES}").to(device)
        patches = _patches(backbone, device)
        if (found := tuple(level.shape[1] for level in patches)) != CHANNELS:
            raise NoTeacher(
                f"{name} has {found} channels at strides {STRIDES}, and {CHANNELS} are learnt: "
                f"teach with timm:mobilenetv2_100@FILE."
            )
        turns = [_strongest_first(level) for level in patches]
        powers = [(level @ turn).var(0) for level, turn in zip(patches, turns, strict=True)]
        return cls(backbone, turns, powers)

    @torch.no_grad()
    def answers(self, batch: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in 0..1 to (B, C_i, h_i, w_i) a level."""
        return [
            torch.einsum("bchw,cd->bdhw", level, turn)
            for level, turn in zip(self.backbone.levels(batch), self.turns, strict=True)
        ]

    def unexplained(self, answers: list[Tensor], wanted: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(levels,) twice: squared error as a share of the power there is; of each channel's own.

        The second counts faint channels as well: they are where small defects show.
        """
        whole, each = [], []
        for answer, want, power in zip(answers, wanted, self.powers, strict=True):
            wrong = (answer - want).square().mean((0, 2, 3))
            whole.append(wrong.mean() / power.mean())
            each.append((wrong / (power + FAINT * power.mean())).mean())
        return torch.stack(whole), torch.stack(each)


def _patches(backbone: Backbone, device: torch.device) -> list[Tensor]:
    """(n, C_i) a level, drawn evenly from always the same scenes, whatever the run's seed."""
    found: list[list[Tensor]] = []
    for number in range(LOOKED_AT):
        batch = scenes(number, BATCH, SIDE, device)
        rows = [level.permute(0, 2, 3, 1).flatten(0, 2) for level in backbone.levels(batch)]
        found.append([row[:: max(1, len(row) // PATCHES)] for row in rows])
    return [torch.cat(level) for level in zip(*found, strict=True)]


def _strongest_first(patches: Tensor) -> Tensor:
    """(C, C): directions by power, each patch counting the same however strong it is."""
    equal = patches / patches.norm(dim=1, keepdim=True).clamp(min=1e-6)
    _, vectors = torch.linalg.eigh((equal.T @ equal).double().cpu())
    vectors = vectors.flip(1)
    # A direction has no sign of its own: the largest entry decides, so that runs agree.
    signs = vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
    turn: Tensor = (vectors * signs).float().to(patches.device)
    return turn
