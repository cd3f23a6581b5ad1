"""Files to pictures, with the file's name in what goes wrong."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.faults import Fault
from inference.images import BadPicture, Picture, decode


class UnreadableFile(Fault):
    """A file given on the command line is missing or no picture."""


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from error


def picture(path: Path) -> Picture:
    try:
        return decode(content(path))
    except BadPicture as error:
        raise UnreadableFile(f"{path}: {error}") from error


class PictureFiles(Sequence[Picture]):
    """Pictures decoded when they are asked for, so that a large set fits in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        return picture(self.paths[index])

    def __iter__(self) -> Iterator[Picture]:
        return (picture(path) for path in self.paths)
