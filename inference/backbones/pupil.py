"""The network behind ``builtin``: small, quick on one core, taught by ``inference.training``.

Inverted bottlenecks (Sandler et al. 2018), three times as wide inside as outside. Hardly any work
is done at stride 4, where each layer costs as much as four at stride 8.
"""

import torch
from torch import Tensor, nn

STEM = 24
WIDTHS = (32, 96, 160)  # at strides 4, 8 and 16
DEPTHS = (1, 2, 3)  # blocks there
KERNELS = (3, 3, 5)
CHANNELS = (32, 96)  # what comes out at strides 8 and 16
EXPANSION = 3


class Pupil(nn.Module):
    """(B, 3, H, W), about -1 to 1, to (B, 32, H/8, W/8) and (B, 96, H/16, W/16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _halved(3, STEM)
        befores = (STEM, *WIDTHS[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(_halved(before, width), *(Block(width, kernel) for _ in range(depth)))
            for before, width, depth, kernel in zip(befores, WIDTHS, DEPTHS, KERNELS, strict=True)
        )
        self.answers = nn.ModuleList(
            nn.Conv2d(width, channels, 1)
            for width, channels in zip(WIDTHS[1:], CHANNELS, strict=True)
        )

    def forward(self, batch: Tensor) -> list[Tensor]:
        seen, found = self.stages[0](self.stem(batch)), []
        for stage, answer in zip(self.stages[1:], self.answers, strict=True):
            seen = stage(seen)
            found.append(answer(seen))
        return found


class Block(nn.Module):
    """Widen, look around, narrow, and add to what came in."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        inner = EXPANSION * width
        self.body = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, kernel, padding=kernel // 2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, seen: Tensor) -> Tensor:
        answer: Tensor = seen + self.body(seen)
        return answer


def fresh(seed: int) -> Pupil:
    """One that knows nothing yet."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Pupil()


def _halved(before: int, width: int) -> nn.Sequential:
    """To half the height and width; the kernel is 3, so nothing falls between two places."""
    return nn.Sequential(
        nn.Conv2d(before, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
