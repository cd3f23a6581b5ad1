"""The memory itself: normal patches of each level, and how far a picture's patches are from them.

Everything here is a list with one entry a level, finest grid first.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.coreset import far_apart
from inference.devices import each_on_a_core
from inference.nearest import nearest
from inference.patches import PatchFeatures, Thumbnails, batches

CANDIDATES = 5  # patches looked at for each one that is kept

Bank = list[Tensor]  # float32 (patches, C_i), rounded to float16: what is on disk is what judges
Maps = list[NDArray[np.float32]]  # (n, h_i, w_i)


def learn(
    features: PatchFeatures, small: Thumbnails, keep: int, generator: torch.Generator
) -> Bank:
    """A coreset: at most ``keep`` patches of the finest level, twice as many of a coarser one,
    whose grid has a quarter of the places to compare with them.
    """
    wanted = [keep] + [2 * keep] * (len(features.typical) - 1)
    shares = [-(-count * CANDIDATES // len(small)) for count in wanted]
    found = [_sampled(levels, shares, generator) for levels in _each(features, small)]
    candidates = [torch.cat(level) for level in zip(*found, strict=True)]
    pairs = zip(candidates, wanted, strict=True)
    return [rounded(rows[far_apart(rows, count, generator)]) for rows, count in pairs]


def extend(
    bank: Bank, features: PatchFeatures, small: Thumbnails, keep: int, generator: torch.Generator
) -> Bank:
    """The bank with the ``keep`` patches of each level that are least like what it holds."""
    found = [[level.flatten(0, 2) for level in levels] for levels in _each(features, small)]
    extended = []
    for old, level in zip(bank, zip(*found, strict=True), strict=True):
        rows = torch.cat(level)
        fresh = rows[far_apart(rows, keep, generator, taken=old)]
        extended.append(torch.cat([old, rounded(fresh)]))
    return extended


def together(banks: Sequence[Bank]) -> Bank:
    return [torch.cat(level) for level in zip(*banks, strict=True)]


def distances(bank: Bank, features: PatchFeatures, small: Thumbnails) -> Maps:
    """Distance of each patch to the nearest one in the bank."""

    def of_batch(batch: Thumbnails) -> Maps:
        pairs = zip(features.levels(batch), bank, strict=True)
        near = [nearest(v.flatten(0, 2), rows).reshape(v.shape[:3]) for v, rows in pairs]
        return [level.numpy(force=True) for level in near]

    device = features.backbone.device
    found = each_on_a_core(of_batch, batches(small, device), device)
    return [np.concatenate(level) for level in zip(*found, strict=True)]


def rounded(rows: Tensor) -> Tensor:
    return rows.half().float()


def _each(features: PatchFeatures, small: Thumbnails) -> Iterator[list[Tensor]]:
    return (features.levels(batch) for batch in batches(small, features.backbone.device))


def _sampled(levels: list[Tensor], shares: list[int], generator: torch.Generator) -> list[Tensor]:
    """Random patches of each picture, at most ``shares[i]`` of level i, (b * share, C_i)."""
    found = []
    for level, share in zip(levels, shares, strict=True):
        patches = level.flatten(1, 2)
        chosen = torch.stack(
            [torch.randperm(patches.shape[1], generator=generator)[:share] for _ in patches]
        ).to(patches.device)
        index = chosen[:, :, None].expand(-1, -1, patches.shape[2])
        found.append(patches.gather(1, index).flatten(0, 1))
    return found
