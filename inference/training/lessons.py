"""Scenes on their way to the pupil: each step has its own seed, so a run can go on anywhere.

On a GPU they are drawn where they are needed. On a CPU other processes draw ahead, on half of the
cores: drawing a scene takes about as long as learning from it.
"""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from inference.threads import cores
from inference.training.scenes import scenes

BATCH, SIDE = 16, 128
AHEAD = 16  # batches drawn ahead, by at most as many processes


def lessons(seed: int, first: int, steps: int, device: torch.device) -> Iterator[Tensor]:
    """Batches (BATCH, 3, SIDE, SIDE) in 0..1 of the steps ``first`` to ``steps``."""
    drawn = _Scenes(seed, first, steps, device)
    if device.type != "cpu":
        return (drawn[number] for number in range(len(drawn)))
    processes = min(max(1, cores() // 2), AHEAD)
    ahead = AHEAD // processes
    return iter(DataLoader(drawn, batch_size=None, num_workers=processes, prefetch_factor=ahead))


def first_seed(seed: int) -> int:
    """Of a run's scenes: step n takes the n-th after it.

    Scattered over the 32 bits that a generator on a CPU looks at, so that two runs share scenes
    only by chance. Runs of seed 0 begin at 0.
    """
    return int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4], "big") if seed else 0


class _Scenes(Dataset[Tensor]):
    def __init__(self, seed: int, first: int, steps: int, device: torch.device) -> None:
        self.seed, self.first, self.steps, self.device = seed, first, steps, device

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, number: int) -> Tensor:
        own = first_seed(self.seed) + self.first + number
        return scenes(own % 2**32, BATCH, SIDE, self.device)
