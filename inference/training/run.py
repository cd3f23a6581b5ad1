"""Teaching the pupil: steps, an average of its weights, and going on after a stop.

How many steps there are is settled at the start, so the same seed on the same device, number of
cores and version of torch gives the same file whether or not the run was interrupted, and however
quick the machine was that day.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from inference.backbones.pupil import Pupil, fresh
from inference.detector import Progress
from inference.faults import Fault
from inference.learning import checkpoint
from inference.threads import cores
from inference.training.lessons import lessons
from inference.training.optimisers import Optimisers
from inference.training.teacher import EACH_CHANNEL, Teacher

REMEMBERED = 200  # steps that the averaged weights look back
WRITTEN = 500  # steps between two checkpoints
CURVE = 50  # steps between two points of the curve
FAINTEST = 1e-3  # of a level's mean power: weaker channels are not raised further
TIMED = 40  # steps from which their duration is taken


class CannotDraw(Fault):
    """The scenes stopped coming."""


Curve = list[list[float]]  # step, then what is unexplained at each level


@dataclass(frozen=True, eq=False)
class Settings:
    """What does not change in a run. ``fingerprint`` tells its checkpoint from another run's."""

    teacher: Teacher
    seed: int
    device: torch.device
    fingerprint: str = ""


@dataclass(eq=False)
class Run:
    """A pupil while it is taught, with all that a later run needs to go on."""

    pupil: Pupil
    average: AveragedModel
    optimisers: Optimisers
    steps: int
    step: int = 0
    seconds: float = 0.0  # that it took so far
    curve: Curve = field(default_factory=list)

    @classmethod
    def begun(cls, seed: int, steps: int, device: torch.device) -> Self:
        pupil = fresh(seed).to(device)
        pupil.to(memory_format=torch.channels_last)
        average = AveragedModel(pupil, avg_fn=_recent, use_buffers=True)
        return cls(pupil, average, Optimisers(pupil, steps), steps)

    def learn(self, batch: Tensor, teacher: Teacher) -> Tensor:
        """One step; what is unexplained at each level."""
        answers = self.pupil(as_seen(batch))
        whole, each = teacher.unexplained(answers, teacher.answers(batch))
        self.optimisers.step(self.step, (whole + EACH_CHANNEL * each).sum())
        self.average.update_parameters(self.pupil)
        self.step += 1
        return whole.detach()

    def learnt(self, teacher: Teacher) -> dict[str, Tensor]:
        """The averaged weights; faint directions of the answers count for more than they answer.

        Each channel is divided by the fourth root of its power, half of what whitening would do:
        with all of it noise counts as much as structure (decision 10).
        """
        state = {name: value.clone() for name, value in self.average.module.state_dict().items()}
        for number, power in enumerate(teacher.powers):
            scale = (power / power.mean()).clamp(min=FAINTEST) ** -0.25
            state[f"answers.{number}.weight"] *= scale[:, None, None, None]
            state[f"answers.{number}.bias"] *= scale
        return state

    def write(self, path: Path, settings: Settings) -> None:
        tensors = {f"now.{name}": value for name, value in self.pupil.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        tensors |= self.optimisers.state()
        names = ("step", "steps", "seconds", "curve")
        values = {name: getattr(self, name) for name in names}
        checkpoint.write(path, {**values, "fingerprint": settings.fingerprint}, tensors)

    @classmethod
    def gone_on(cls, path: Path, settings: Settings) -> Self | None:
        """Where the file ends; None without a file, BadCheckpoint if it is of another run."""
        found = checkpoint.read(path, settings.fingerprint)
        if found is None:
            return None
        values, tensors = found
        run = cls.begun(settings.seed, values["steps"], settings.device)
        run.step, run.seconds, run.curve = values["step"], values["seconds"], values["curve"]
        run.pupil.load_state_dict(checkpoint.named("now", tensors))
        run.average.load_state_dict(checkpoint.named("average", tensors))
        run.optimisers.restore(tensors)
        return run


def finish(run: Run, settings: Settings, progress: Progress, keep: Callable[[Run], None]) -> None:
    """All steps that are left; ``keep`` is called where a later run can go on."""
    recent: list[Tensor] = []
    before, began = run.seconds, time.perf_counter()
    with as_always(settings.device), _drawing():
        for batch in lessons(settings.seed, run.step, run.steps, settings.device):
            recent.append(run.learn(batch, settings.teacher))
            if run.step % CURVE == 0:
                run.curve.append([run.step, *torch.stack(recent).mean(0).tolist()])
                recent = []
            if run.step % WRITTEN == 0 or run.step == run.steps:
                run.seconds = before + time.perf_counter() - began
                keep(run)
            progress(run.step, run.steps)


def steps_in(minutes: float, settings: Settings, timed: int = TIMED) -> int:
    """As many as this machine does; found by trying."""
    device, began = settings.device, 0.0
    with as_always(device), _drawing():
        run = Run.begun(0, 2 * timed, device)
        for number, batch in enumerate(lessons(0, 0, 2 * timed, device)):
            if number == timed:  # what was drawn ahead is used up, and the memory is warm
                _finished(device)
                began = time.perf_counter()
            run.learn(batch, settings.teacher)
        _finished(device)
    return max(1, round(minutes * 60 * timed / (time.perf_counter() - began)))


def as_seen(batch: Tensor) -> Tensor:
    """0..1 to -1..1."""
    return (2 * batch - 1).contiguous(memory_format=torch.channels_last)


@contextmanager
def as_always(device: torch.device) -> Iterator[None]:
    """The same sums in the same order each time, on the cores that draw no scenes."""
    threads, exact = torch.get_num_threads(), torch.backends.cudnn.deterministic
    if device.type == "cpu":
        torch.set_num_threads(learning_threads())
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.deterministic = exact


def learning_threads() -> int:
    """On a CPU: the cores that draw no scenes. Another number sums in another order."""
    return max(1, cores() - cores() // 2)


@contextmanager
def _drawing() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # all that the loader says of a process that was killed
        if not str(error).startswith("DataLoader worker"):
            raise
        raise CannotDraw(
            "A process that draws scenes was ended, as when memory or /dev/shm is full: "
            "the same command goes on from the last checkpoint."
        ) from error


def _finished(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _recent(average: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """An average over all steps so far, and later over about the last REMEMBERED."""
    return average + (now - average) / min(int(count) + 1, REMEMBERED)
