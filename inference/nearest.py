"""Exact nearest neighbours as blocked matrix products."""

import torch
from torch import Tensor

# Bank rows to a block. On a CPU the products of a block stay in the cache until they are reduced.
BLOCK = {"cpu": 1024, "cuda": 16384}


def nearest(patches: Tensor, bank: Tensor) -> Tensor:
    """Euclidean distance (N,) from each row of (N, C) to the closest row of (M, C), M >= 1.

    |a - b|^2 = |a|^2 + |b|^2 - 2 ab, so most of the work is one matrix product. The rounding of
    float32 can make it slightly negative for equal rows; that counts as 0.
    """
    best = torch.full((len(patches),), torch.inf, device=patches.device)
    step = BLOCK.get(bank.device.type, 8192)
    for start in range(0, len(bank), step):
        rows = bank[start : start + step]
        squares = (rows * rows).sum(dim=1)
        products = torch.addmm(squares, patches, rows.T, alpha=-2)
        torch.minimum(best, products.amin(dim=1), out=best)
    return (best + (patches * patches).sum(dim=1)).clamp_(min=0).sqrt_()
