"""Teaching a decoder: batches, steps, early stopping, and going on after an interruption.

AdamW (Loshchilov and Hutter 2019) with a cosine schedule over at most EPOCHS epochs. An epoch is
a fixed number of batches, each with all kinds of lessons in it, so that ten confirmed defects are
not lost among a thousand good pictures. After each epoch the decoder is examined on parts that it
does not learn from; the weights with the lowest loss there are kept, and it ends when PATIENCE
epochs in a row bring nothing.

All chance in an epoch comes from the seed and the epoch's number alone. So a fit that goes on from
a checkpoint takes the same steps as one that was never interrupted.

The schedule is a usual one and was not tuned.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.detector import Progress
from inference.learning import checkpoint
from inference.learning.decoder import Decoder, loss
from inference.learning.lessons import Course, Lessons

EPOCHS, BATCHES, PATIENCE = 30, 40, 8
SHARES = {1: (16,), 2: (8, 8), 3: (5, 5, 6)}  # lessons of each kind in a batch
RATE, DECAY = 2e-3, 1e-2
EXAMINED = 32  # lessons to a forward pass of the examination

State = dict[str, Tensor]


@dataclass(eq=False)
class Progressing:
    """A decoder while it is taught, with all that a later run needs to go on."""

    decoder: Decoder
    optimiser: torch.optim.AdamW
    epoch: int = 0  # epochs done
    lowest: float = math.inf
    at: int = 0  # the epoch after which the loss was the lowest
    best: State = field(default_factory=dict)
    most: int = EPOCHS

    @classmethod
    def fresh(cls, channels: list[int], seed: int, device: torch.device, most: int) -> Self:
        with torch.random.fork_rng(_devices(device)):
            torch.manual_seed(seed)
            decoder = Decoder(channels)
        decoder.to(device)
        optimiser = torch.optim.AdamW(decoder.parameters(), RATE, weight_decay=DECAY)
        return cls(decoder, optimiser, most=most)

    @property
    def over(self) -> bool:
        return self.epoch >= self.most or self.epoch - self.at >= PATIENCE

    def examined(self, found: float) -> None:
        """One more epoch is done, with this loss on the parts that do not teach."""
        self.epoch += 1
        if found < self.lowest:
            self.lowest, self.at = found, self.epoch
            self.best = deepcopy(self.decoder.state_dict())

    def write(self, path: Path, fingerprint: str) -> None:
        tensors = {f"now.{name}": value for name, value in self.decoder.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= checkpoint.of_optimiser(self.optimiser)
        values = {"fingerprint": fingerprint, "epoch": self.epoch, "at": self.at}
        checkpoint.write(path, {**values, "lowest": self.lowest}, tensors)

    def restore(self, values: dict[str, Any], tensors: State) -> None:
        self.epoch, self.at, self.lowest = values["epoch"], values["at"], values["lowest"]
        self.decoder.load_state_dict(checkpoint.named("now", tensors))
        self.best = checkpoint.named("best", tensors)
        checkpoint.into_optimiser(self.optimiser, tensors)


def taught(
    course: Course,
    exam: Course,
    *,
    seed: int,
    device: torch.device,
    progress: Progress,
    path: Path | None = None,
    fingerprint: str = "",
    epochs: int = EPOCHS,
) -> Decoder:
    """The decoder that did best in the exam, of at most ``epochs``.

    With ``path`` it is resumable: BadCheckpoint if the file is of another ``fingerprint``.
    """
    channels = [level.shape[3] for level in course.kinds[0].levels]
    run = Progressing.fresh(channels, seed, device, epochs)
    found = checkpoint.read(path, fingerprint) if path else None
    if found:
        run.restore(*found)
    while not run.over:
        _teach(run, course, seed, device)
        run.examined(_examine(run.decoder, exam, device))
        if path:
            run.write(path, fingerprint)
        progress(run.epoch, epochs)
    run.decoder.load_state_dict(run.best)
    progress(epochs, epochs)
    return run.decoder.eval().requires_grad_(False)


def _teach(run: Progressing, course: Course, seed: int, device: torch.device) -> None:
    """One epoch."""
    rng = np.random.default_rng([seed, run.epoch])
    rate = RATE * (1 + math.cos(math.pi * run.epoch / run.most)) / 2
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.decoder.train()
    with torch.random.fork_rng(_devices(device)):
        torch.manual_seed(int(rng.integers(2**31)))
        for _ in range(BATCHES):
            levels, truth = _mixed(course, rng, device)
            run.optimiser.zero_grad()
            loss(run.decoder(levels), truth).backward()  # type: ignore[no-untyped-call]
            run.optimiser.step()


def _mixed(
    course: Course, rng: np.random.Generator, device: torch.device
) -> tuple[list[Tensor], Tensor]:
    shares = SHARES[len(course.kinds)]
    pairs = [
        kind.batch(rng.integers(len(kind), size=share), device)
        for kind, share in zip(course.kinds, shares, strict=True)
    ]
    levels = [torch.cat(level) for level in zip(*(found for found, _ in pairs), strict=True)]
    return levels, torch.cat([truth for _, truth in pairs])


@torch.inference_mode()
def _examine(decoder: Decoder, exam: Course, device: torch.device) -> float:
    """Mean of the loss over the kinds, each kind counting the same."""
    decoder.eval()
    return float(np.mean([_mean_loss(decoder, kind, device) for kind in exam.kinds]))


def _mean_loss(decoder: Decoder, lessons: Lessons, device: torch.device) -> float:
    order: NDArray[np.int64] = np.arange(len(lessons))
    total = 0.0
    for start in range(0, len(order), EXAMINED):
        chosen = order[start : start + EXAMINED]
        levels, truth = lessons.batch(chosen, device)
        total += loss(decoder(levels), truth).item() * len(chosen)
    return total / len(order)


def stage(progress: Progress, number: int, count: int) -> Callable[[int, int], None]:
    """The progress of stage ``number`` (from 0) of ``count`` equally long ones, in percent."""
    return lambda done, total: progress(100 * number + 100 * done // max(total, 1), 100 * count)


def _devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
