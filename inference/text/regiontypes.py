"""Which defect type a place is, by what text says of the types (IAD-GPT, reading of types)."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

FEWEST = 10  # labelled defects, of two types, before their temperature is believed
TRIED = tuple(2.0**step for step in range(-2, 7))  # times the model's own temperature

Mask = NDArray[np.bool_]


def pooled(features: Tensor, mask: Mask) -> Tensor:
    """Unit (D,): mean of (h, w, D) over a (H, W) mask, each patch by the share that it covers."""
    height, width = features.shape[:2]
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    weights = torch.from_numpy(np.asarray(share, np.float32)).to(features.device)
    if float(weights.sum()) <= 0:
        weights = torch.ones_like(weights)
    return functional.normalize((features * weights[:, :, None]).sum(dim=(0, 1)), dim=0)


def temperature(features: Tensor, truth: Sequence[int], types: Tensor, own: float) -> float:
    """The tried temperature under which labelled defects are likeliest (Guo et al. 2017).

    ``features``: unit (n, D); ``truth``: rows of ``types`` (T, D). With too few defects to tell,
    the model's ``own``.
    """
    if len(truth) < FEWEST or len(set(truth)) < 2:
        return own
    cosines, rows = features @ types.T, torch.tensor(truth, device=types.device)
    losses = [float(functional.cross_entropy(cosines / (own * f), rows)) for f in TRIED]
    return own * TRIED[int(np.argmin(losses))]
