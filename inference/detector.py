"""What every detector can do. Knows no tensors: pictures in, judgements out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from inference.images import Picture
from inference.judgement import Judgement
from inference.labelled import Labelled

if TYPE_CHECKING:  # it brings SciPy along, which who only asks for names need not load
    from inference.thresholds import Thresholds

# Called with (steps done, steps in all), of which each picture has the same number; the caller draws
# the bar.
Progress = Callable[[int, int], None]


def silent(_done: int, _total: int) -> None:
    """The progress of one who does not watch."""


class Detector(Protocol):
    """Ready when constructed: ``fit`` and ``load`` return a detector that can judge at once.

    ``fit`` takes upright pictures of good parts only. ``groups[i]`` names the part or scene of
    ``pictures[i]`` ("" = a part of its own); a group never straddles fit and calibration.
    ``defects`` are for detectors that learn from confirmed ones; the others leave them alone.
    """

    @property
    def artefact_sha256(self) -> str: ...

    @property
    def thresholds(self) -> "Thresholds": ...

    def with_thresholds(self, limits: "Thresholds") -> Self:
        """The same detector, which judges by other thresholds."""
        ...

    @classmethod
    def fit(
        cls,
        pictures: Sequence[Picture],
        groups: Sequence[str] | None = None,
        *,
        backbone: str = "builtin",
        size: int = 256,
        device: str = "auto",
        seed: int = 0,
        false_call_rate: float = 0.01,
        defects: Sequence[Labelled] = (),
        progress: Progress = silent,
    ) -> Self: ...

    def judge(self, image: bytes) -> Judgement:
        """Judge one picture as it came; BadPicture if it is none."""
        ...

    def judge_many(self, pictures: Sequence[Picture]) -> list[Judgement]:
        """Judge several pictures in one forward pass, each as if it had come alone."""
        ...

    def save(self, folder: Path, notes: dict[str, Any] | None = None) -> str:
        """Write the artefact folder in one step and return its sha256.

        ``notes`` (date, seconds, data set) are kept beside it and are no part of the sha256.
        """
        ...

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self: ...

    def about(self) -> dict[str, Any]:
        """What was written into config.json: detector, backbone, size, thresholds, promise."""
        ...
