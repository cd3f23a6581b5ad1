"""Feature maps and patch tokens on their grids."""

import torch
from torch import Tensor
from torch.nn import functional


def on_one_grid(maps: list[Tensor]) -> Tensor:
    """Bring (B, C_i, h_i, w_i) to the grid of the first and put the channels side by side."""
    grid = maps[0].shape[2:]
    enlarged = [functional.interpolate(m, grid, mode="bilinear") for m in maps[1:]]
    return torch.cat([maps[0], *enlarged], dim=1)


def whole_patches(values: Tensor, patch: int) -> Tensor:
    """(B, 3, H, W) made a little smaller if a side is no multiple of ``patch``.

    Cutting the rest off would leave an edge of the part unseen. At least one patch remains.
    """
    height, width = (max(patch, side // patch * patch) for side in values.shape[2:])
    if (height, width) == tuple(values.shape[2:]):
        return values
    return functional.interpolate(values, (height, width), mode="bilinear", antialias=True)


def as_grid(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, extra + h * w, C) to (B, C, h, w): tokens before the patches (class, registers) fall."""
    patches = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]
    return patches.transpose(1, 2).reshape(len(tokens), tokens.shape[2], *grid)


def resampled(positions: Tensor, own: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    """Position embeddings (h * w, C) of one grid for another one, bicubic, (h' * w', C)."""
    if own == wanted:
        return positions
    plane = positions.T.reshape(1, positions.shape[1], *own)
    resized = functional.interpolate(plane, wanted, mode="bicubic", antialias=True)
    return resized[0].flatten(1).T
