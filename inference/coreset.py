"""Few patches that stand for many: greedy k-centre (Gonzalez 1985; PatchCore, section 3.2)."""

import math

import torch
from torch import Tensor

from inference.nearest import nearest

PROJECTED = 32  # dimensions in which distances are compared while choosing


def far_apart(
    patches: Tensor, keep: int, generator: torch.Generator, taken: Tensor | None = None
) -> Tensor:
    """Indices (keep,) of rows of (N, C) so that no row is far from a chosen one.

    Each step takes the row farthest from all taken so far, in a seeded random projection
    (Johnson and Lindenstrauss); rows ``taken`` before, (M, C), count as taken. All rows, in
    order, if there are no more than ``keep``.
    """
    count = len(patches)
    if count <= keep:
        return torch.arange(count, device=patches.device)
    matrix = _projection(patches, generator)
    points = patches @ matrix
    far = _first_distances(points, matrix, generator, taken)
    squares = (points * points).sum(dim=1)
    chosen = torch.empty(keep, dtype=torch.long, device=patches.device)
    for step in range(keep):
        chosen[step] = far.argmax()
        center = points[chosen[step]]
        distances = torch.addmv(squares + center @ center, points, center, alpha=-2)
        torch.minimum(far, distances, out=far)
    return chosen


def _first_distances(
    points: Tensor, matrix: Tensor, generator: torch.Generator, taken: Tensor | None
) -> Tensor:
    """Squared distance of each point to what is taken; with nothing taken one point comes first."""
    if taken is not None and len(taken):
        return nearest(points, taken @ matrix).square()
    far = torch.full((len(points),), torch.finfo(points.dtype).max / 2, device=points.device)
    far[int(torch.randint(len(points), (1,), generator=generator))] = torch.inf
    return far


def _projection(patches: Tensor, generator: torch.Generator) -> Tensor:
    """(C, 32); drawn on the CPU, so that a seed means the same on every device."""
    matrix = torch.randn(patches.shape[1], PROJECTED, generator=generator)
    return matrix.div_(math.sqrt(PROJECTED)).to(patches)
