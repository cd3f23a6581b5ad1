"""The memory itself: normal patches of each level, and how far a picture's patches are from them.

Where normal patches vary much, a distance says less. *Reweighted*, each row carries its spread:
how far the normal patches that it stands for are from it, relative to the others (shrunk towards 1
where it stands for few). The distance of a patch is then the least of |patch - row| / spread, so
that a larger bank can still only shorten it. PatchCore's re-weighting has the same aim, for the
one place that gives the score. Rows of a coreset are about equally far from what they stand for,
and there it was found to do harm (image AUROC: screws 0.899 to 0.887, tiles 0.886 to 0.884); rows
drawn at random gain by it.

With a *place weight* the coordinates of a patch, times the weight, are two more features: on
aligned parts a patch is then compared with those of about the same place (``inference.aligned``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.coreset import far_apart
from inference.devices import each_on_a_core
from inference.nearest import nearest, nearest_row
from inference.patches import PatchFeatures, Thumbnails, batches

CANDIDATES = 5  # patches looked at for each one that is kept
LEAST_CANDIDATES = 4096  # a small bank would otherwise be chosen among too few
DOUBT = 5.0  # normal patches that a row's own spread must outweigh
NARROWEST = 0.2  # a row that stands for its own copies must not make any change infinite

Maps = list[NDArray[np.float32]]  # (n, h_i, w_i) a level, finest grid first


@dataclass(frozen=True, eq=False)
class Level:
    """float32 rounded to float16: what is on disk is what judges."""

    rows: Tensor  # (M, C_i), or (M, C_i + 2) with a place weight
    source: Tensor  # (M,) int32: the number of the picture that the patch is of
    spread: Tensor | None = None  # (M,) > 0; None = every row's is 1


@dataclass(frozen=True, eq=False)
class Bank:
    levels: list[Level]  # finest grid first
    place_weight: float = 0.0


def learn(
    features: PatchFeatures,
    small: Thumbnails,
    sources: NDArray[np.int64],
    keep: int,
    generator: torch.Generator,
    place_weight: float = 0.0,
    reweighted: bool = False,
) -> Bank:
    """At most ``keep`` patches of each level; ``sources[i]`` is the number of ``small[i]``."""
    share = -(-max(keep * CANDIDATES, LEAST_CANDIDATES) // len(small))
    found = [
        _sampled(placed(levels, place_weight), share, generator)
        for levels in _each(features, small)
    ]
    made = []
    for parts in zip(*found, strict=True):
        rows = torch.cat(parts)
        of = torch.from_numpy(sources).repeat_interleave(len(rows) // len(small))
        made.append(_chosen(rows, of, keep, generator, reweighted))
    return Bank(made, place_weight)


def extend(
    bank: Bank,
    features: PatchFeatures,
    small: Thumbnails,
    sources: NDArray[np.int64],
    keep: int,
    generator: torch.Generator,
) -> Bank:
    """The bank with the ``keep`` patches of each level that are least like what it holds."""
    found = [placed(levels, bank.place_weight) for levels in _each(features, small)]
    extended = []
    for old, parts in zip(bank.levels, zip(*found, strict=True), strict=True):
        rows = torch.cat([part.flatten(0, 2) for part in parts])
        of = torch.from_numpy(sources).repeat_interleave(parts[0].shape[1] * parts[0].shape[2])
        index = far_apart(rows, keep, generator, taken=old.rows)
        fresh = rounded(rows[index])
        spread = None if old.spread is None else torch.ones_like(fresh[:, 0])
        new = Level(fresh, of[index.cpu()].int().to(fresh.device), spread)
        extended.append(_joined([old, new]))
    return replace(bank, levels=extended)


def together(banks: Sequence[Bank]) -> Bank:
    pairs = zip(*(one.levels for one in banks), strict=True)
    return Bank([_joined(levels) for levels in pairs], banks[0].place_weight)


def without(bank: Bank, sources: Sequence[int]) -> Bank:
    """The bank without the patches of these pictures; ValueError if a level has no others."""
    gone = torch.tensor(list(sources), dtype=torch.int32)
    kept = []
    for level in bank.levels:
        stays = ~torch.isin(level.source, gone.to(level.source.device))
        if not stays.any():
            raise ValueError("nothing would be left in the memory: fit a new one instead")
        spread = None if level.spread is None else level.spread[stays]
        kept.append(Level(level.rows[stays], level.source[stays], spread))
    return replace(bank, levels=kept)


def distances(bank: Bank, features: PatchFeatures, small: Thumbnails) -> Maps:
    """Distance of each patch to the nearest one in the bank, in spreads of that one."""
    device = features.backbone.device
    found = each_on_a_core(
        lambda batch: distances_of(bank, features.levels(batch)), batches(small, device), device
    )
    return [np.concatenate(level) for level in zip(*found, strict=True)]


def distances_of(bank: Bank, levels: Sequence[Tensor]) -> Maps:
    """The same for patches (b, h_i, w_i, C_i) that are at hand."""
    pairs = zip(placed(levels, bank.place_weight), bank.levels, strict=True)
    return [
        nearest(patches.flatten(0, 2), known.rows, known.spread)
        .reshape(patches.shape[:3])
        .numpy(force=True)
        for patches, known in pairs
    ]


def placed(levels: Sequence[Tensor], weight: float) -> list[Tensor]:
    """(b, h, w, C) a level with the place as two more features, if the weight is not 0."""
    return [_placed(level, weight) for level in levels] if weight else list(levels)


def _placed(level: Tensor, weight: float) -> Tensor:
    count, height, width = level.shape[:3]
    y = (torch.arange(height, device=level.device) + 0.5) * (weight / height)
    x = (torch.arange(width, device=level.device) + 0.5) * (weight / width)
    where = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1)
    return torch.cat([level, where.expand(count, -1, -1, -1)], dim=-1)


def rounded(rows: Tensor) -> Tensor:
    return rows.half().float()


def _chosen(
    rows: Tensor, of: Tensor, keep: int, generator: torch.Generator, reweighted: bool
) -> Level:
    index = far_apart(rows, keep, generator)
    kept, source = rounded(rows[index]), of[index.cpu()].int().to(rows.device)
    if not reweighted:
        return Level(kept, source)
    others = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    others[index] = False
    return Level(kept, source, _spreads(rows[others], kept))


def _spreads(others: Tensor, kept: Tensor) -> Tensor:
    """(M,): mean distance of the patches that each row is nearest to, relative to that of all."""
    if not len(others):
        return torch.ones_like(kept[:, 0])
    far, which = nearest_row(others, kept)
    usual = far.mean().clamp(min=1e-6)
    total = torch.full_like(kept[:, 0], DOUBT).index_add_(0, which, far / usual)
    count = torch.full_like(kept[:, 0], DOUBT).index_add_(0, which, torch.ones_like(far))
    return rounded((total / count).clamp(min=NARROWEST))


def _joined(levels: Sequence[Level]) -> Level:
    spreads = [one.spread for one in levels if one.spread is not None]
    return Level(
        torch.cat([one.rows for one in levels]),
        torch.cat([one.source for one in levels]),
        torch.cat(spreads) if spreads else None,
    )


def _each(features: PatchFeatures, small: Thumbnails) -> Iterator[list[Tensor]]:
    return (features.levels(batch) for batch in batches(small, features.backbone.device))


def _sampled(levels: list[Tensor], share: int, generator: torch.Generator) -> list[Tensor]:
    """Random patches of each picture, at most ``share`` of a level, (b * share, C_i)."""
    found = []
    for level in levels:
        patches = level.flatten(1, 2)
        chosen = torch.stack(
            [torch.randperm(patches.shape[1], generator=generator)[:share] for _ in patches]
        ).to(patches.device)
        index = chosen[:, :, None].expand(-1, -1, patches.shape[2])
        found.append(patches.gather(1, index).flatten(0, 1))
    return found
