"""Files on their way out: one at a time into a zip that is never whole in memory."""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType

from zipstream import ZipStream

_IN_MEMORY = 2**20  # bytes of a text that is being written; more of it waits on the disk
_CHUNK = 2**18


@dataclass(frozen=True)
class File:
    """``packed``: its content is compressed already, as pictures are."""

    name: str
    data: bytes | Iterable[bytes]
    packed: bool = False


class Spool(AbstractContextManager["Spool"]):
    """A text that is written while pictures pass and read when the last one has."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+b")  # noqa: SIM115
        self.lines = 0

    def line(self, text: str) -> None:
        self._file.write(text.encode() + b"\n")
        self.lines += 1

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def read_lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        return (line.rstrip(b"\n") for line in self._file)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def zipped(files: Iterable[File]) -> Iterator[bytes]:
    """The chunks of a zip. What stays in memory is its table of contents: 0.5 kB a file."""
    stream = ZipStream(compress_type=zipfile.ZIP_DEFLATED)
    for file in files:
        how = zipfile.ZIP_STORED if file.packed else zipfile.ZIP_DEFLATED
        stream.add(file.data, file.name, compress_type=how)
        yield from stream.all_files()
    yield from stream.finalize()
