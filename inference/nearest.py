"""Exact nearest neighbours as blocked matrix products.

|a - b|^2 = |a|^2 + |b|^2 - 2 ab, so most of the work is one matrix product. On a GPU it takes
float16 rows, as the bank is kept, and sums in float32. Rounding can make a square slightly
negative for equal rows; that counts as 0.
"""

import torch
from torch import Tensor

# Bank rows to a block. On a CPU the products of a block stay in the cache until they are reduced.
BLOCK = {"cpu": 1024, "cuda": 16384}


def nearest(patches: Tensor, bank: Tensor, spread: Tensor | None = None) -> Tensor:
    """Euclidean distance (N,) from each row of (N, C) to the closest row of (M, C), M >= 1.

    With ``spread`` (M,) > 0 each row measures by its own: the least of |a - b| / spread.
    """
    best = torch.full((len(patches),), torch.inf, device=patches.device)
    squares = (patches * patches).sum(dim=1)
    for start in _starts(bank):
        rows = bank[start : start + _step(bank)]
        if spread is None:
            found = _less_the_first(patches, rows)
        else:
            found = _scaled(patches, squares, rows, spread[start : start + _step(bank)])
        torch.minimum(best, found.amin(dim=1), out=best)
    return (best if spread is not None else best + squares).clamp_(min=0).sqrt_()


def nearest_row(patches: Tensor, bank: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (N,) to and index (N,) of the closest row of (M, C), M >= 1."""
    best = torch.full((len(patches),), torch.inf, device=patches.device)
    which = torch.zeros(len(patches), dtype=torch.long, device=patches.device)
    for start in _starts(bank):
        found, index = _less_the_first(patches, bank[start : start + _step(bank)]).min(dim=1)
        closer = found < best
        best = torch.where(closer, found, best)
        which = torch.where(closer, index + start, which)
    return (best + (patches * patches).sum(dim=1)).clamp_(min=0).sqrt_(), which


def _step(bank: Tensor) -> int:
    return BLOCK.get(bank.device.type, 8192)


def _starts(bank: Tensor) -> range:
    return range(0, len(bank), _step(bank))


def _less_the_first(patches: Tensor, rows: Tensor) -> Tensor:
    """(N, M): |b|^2 - 2 ab; |a|^2 is the same for all rows and changes no minimum."""
    own = (rows * rows).sum(dim=1)
    if patches.is_cuda:
        return own - 2 * torch.mm(patches.half(), rows.half().T, out_dtype=torch.float32)
    return torch.addmm(own, patches, rows.T, alpha=-2)


def _scaled(patches: Tensor, squares: Tensor, rows: Tensor, spread: Tensor) -> Tensor:
    """(N, M): |a - b|^2 / spread^2."""
    scale = spread.square().reciprocal()
    if patches.is_cuda:
        return (_less_the_first(patches, rows) + squares[:, None]) * scale
    own = (rows * rows).sum(dim=1) * scale
    found = torch.addmm(own, patches, (rows * scale[:, None]).T, alpha=-2)
    return found.addr_(squares, scale)
