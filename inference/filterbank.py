"""The backbone that needs no weights: fixed filters in several scales and colours.

A steerable picture of local structure in the spirit of first-layer simple and complex cells
(derivatives of Gaussians in six directions, Laplacian, local mean and root mean square; the
answers' square root, as contrast is seen by ratio). Nothing is learnt, so it is weaker than a
trained network, and the same everywhere.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

VERSION = 1  # raise it with any change of what comes out: artefacts hold it, not the filters

DIRECTIONS = 6
SCALES = 4
STRIDE = 8
RADIUS = 4
SIGMA = 1.4
COLOUR = 0.1  # weight of plain brightness and colour: more would drown structure under light


class FilterBank(nn.Module):
    """(B, 3, H, W) in 0..1 to (B, channels, H/8, W/8)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernels", _kernels(), persistent=False)
        self.channels = SCALES * 2 * (2 * DIRECTIONS + 2) + 2 * 3

    def forward(self, batch: Tensor) -> Tensor:
        grid = (math.ceil(batch.shape[2] / STRIDE), math.ceil(batch.shape[3] / STRIDE))
        grey, colour = _opponents(batch)
        found = [COLOUR * _pooled(colour, grid)]
        for _scale in range(SCALES):
            found.append(_pooled(self._responses(grey), grid).sqrt())
            grey = functional.avg_pool2d(grey, 2, ceil_mode=True)
        return torch.cat(found, dim=1)

    def _responses(self, grey: Tensor) -> Tensor:
        """Rectified filter answers (B, 14, h, w): contrast of either sign is structure."""
        padded = functional.pad(grey, (RADIUS,) * 4, mode="replicate")
        kernels = self.get_buffer("kernels")
        return functional.conv2d(padded, kernels).abs()


def _pooled(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Mean and root mean square of each map in each cell of the grid: (B, 2 C, h, w)."""
    mean = functional.adaptive_avg_pool2d(maps, grid)
    square = functional.adaptive_avg_pool2d(maps * maps, grid)
    return torch.cat([mean, (square + 1e-8).sqrt()], dim=1)


def _opponents(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness (B, 1, H, W), and with red-green and blue-yellow (B, 3, H, W)."""
    red, green, blue = batch[:, 0:1], batch[:, 1:2], batch[:, 2:3]
    grey = (red + green + blue) / 3
    return grey, torch.cat([grey, red - green, blue - (red + green) / 2], dim=1)


def _kernels() -> Tensor:
    """(14, 1, 9, 9): odd and even derivatives in six directions, Laplacian, centre-surround."""
    axis = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float32)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    gauss = torch.exp(-(x * x + y * y) / (2 * SIGMA**2))
    found = []
    for step in range(DIRECTIONS):
        angle = math.pi * step / DIRECTIONS
        along = x * math.cos(angle) + y * math.sin(angle)
        found += [along * gauss, (along * along / SIGMA**2 - 1) * gauss]
    found.append(((x * x + y * y) / SIGMA**2 - 2) * gauss)
    wide = torch.exp(-(x * x + y * y) / (2 * (2 * SIGMA) ** 2))
    found.append(gauss / gauss.sum() - wide / wide.sum())
    stack = torch.stack(found)
    stack = stack - stack.mean(dim=(1, 2), keepdim=True)  # blind to plain brightness
    stack = stack / stack.abs().sum(dim=(1, 2), keepdim=True)
    return stack[:, None]
