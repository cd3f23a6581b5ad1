"""Seeded chance on the device where pictures are drawn. The same seed draws the same there."""

import math

import torch
from torch import Tensor


class Chance:
    """Random tensors of any shape; ``each`` gives one value a picture, as (n, 1, 1)."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._generator, device=self.device) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self.device)

    def each(self, count: int, low: float, high: float) -> Tensor:
        """Evenly between two values."""
        return self.uniform(low, high, count, 1, 1)

    def each_scale(self, count: int, low: float, high: float) -> Tensor:
        """Evenly on a scale of ratios: as likely between 1 and 2 as between 10 and 20."""
        return self.uniform(math.log(low), math.log(high), count, 1, 1).exp()

    def each_flag(self, count: int, probability: float) -> Tensor:
        """1.0 with this probability, else 0.0."""
        return (self.uniform(0, 1, count, 1, 1) < probability).float()

    def each_angle(self, count: int) -> Tensor:
        """In radians; for all of them one time in three a multiple of a quarter turn."""
        angle = self.each(count, 0, 2 * math.pi)
        quarter = math.pi / 2
        return (angle / quarter).round() * quarter if self.one_in(3) else angle

    def number(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self._generator, device=self.device))

    def share(self) -> float:
        """One value for all, 0 to 1."""
        return float(self.uniform(0, 1, 1))

    def one_in(self, count: int) -> bool:
        return self.number(count) == 0
