"""Several masks of one thing to one mask.

From three people on by STAPLE, which learns from the masks themselves how far to trust whom. Two
people cannot outvote each other, and STAPLE with two says either all that one of them painted or
only what both did, depending on how much was painted: there, only what both painted holds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeling.words import Mask

ENOUGH = 3  # people, for STAPLE
MOST = 62  # people, as one bit each
ROUNDS = 200
STILL = 1e-9
COIN = 0.5
TRUST = 0.99999  # to begin with, of what each painted and of what each left out

Floats = NDArray[np.float64]


def one_mask(masks: Sequence[Mask]) -> Mask:
    """The bool (H, W) mask that all the given (H, W) masks mean; their order does not matter."""
    if not 0 < len(masks) <= MOST:
        raise ValueError(f"one mask is made of 1 to {MOST}, not of {len(masks)}")
    together = np.zeros(masks[0].shape, np.bool_)
    box = _box(np.logical_or.reduce(masks))
    if box is None:
        return together
    cut = sorted((mask[box] for mask in masks), key=lambda mask: np.packbits(mask).tobytes())
    every = np.logical_and.reduce(cut)  # stands without any arithmetic, as does what nobody painted
    found = staple(cut) > 0.5 if len(cut) >= ENOUGH else every
    together[box] = (found | every) & np.logical_or.reduce(cut)
    return together


def _box(mask: Mask) -> tuple[slice, slice] | None:
    """The rows and columns that hold all of it; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def staple(masks: Sequence[Mask]) -> Floats:
    """How probable it is that each pixel truly belongs, (H, W).

    Expectation maximisation over each person's sensitivity p and specificity q, the prior being
    the mean share that was painted: Warfield, Zou and Wells, "Simultaneous truth and performance
    level estimation (STAPLE)", IEEE Trans. Med. Imaging 23(7), 2004, equations 14 to 19. Pixels
    that the same people painted are alike, so the sums run over those groups and not over pixels.
    """
    codes = np.zeros(masks[0].shape, np.int64)
    for bit, mask in enumerate(masks):
        codes |= mask.astype(np.int64) << bit
    groups, where, counts = np.unique(codes, return_inverse=True, return_counts=True)
    painted = (groups[:, None] >> np.arange(len(masks)) & 1).astype(np.float64)  # (group, person)
    return _truth(painted, counts.astype(np.float64))[where].reshape(codes.shape)


def _truth(painted: Floats, counts: Floats) -> Floats:
    """The probability of each group of pixels."""
    prior = float(counts @ painted.mean(axis=1) / counts.sum())
    p: Floats = np.full(painted.shape[1], TRUST)
    q: Floats = p
    weight = _expected(painted, prior, p, q)
    for _ in range(ROUNDS):
        inside, outside = counts * weight, counts * (1 - weight)
        p = _share(inside @ painted, inside.sum())
        q = _share(outside @ (1 - painted), outside.sum())
        former, weight = weight, _expected(painted, prior, p, q)
        if np.abs(weight - former).max() < STILL:
            break
    return weight


def _share(part: Floats, whole: float) -> Floats:
    """Nobody is trusted beyond doubt, nor less than a coin.

    Without the latter the method, once it has begun to doubt somebody, may take the contrary of
    what they painted (O. Commowick and S. K. Warfield, "Incorporating priors on expert
    performance parameters for segmentation validation and label fusion", MICCAI 2010).
    """
    share = part / whole if whole > 0 else np.full(part.shape, TRUST)
    return np.clip(share, COIN, TRUST)


def _expected(painted: Floats, prior: float, p: Floats, q: Floats) -> Floats:
    inside = prior * np.where(painted, p, 1 - p).prod(axis=1)
    outside = (1 - prior) * np.where(painted, 1 - q, q).prod(axis=1)
    return np.asarray(inside / np.maximum(inside + outside, np.finfo(np.float64).tiny))
