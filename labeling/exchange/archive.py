"""A zip that a stranger made: looked at before anything of it is unpacked, and into memory only."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO
from zipfile import ZipInfo

MOST_FILES = 500_000
_RATIO, _SMALL = 200, 2**20  # times that what is larger than this may shrink in a zip


class BadArchive(Exception):
    """The zip, or one file of it, is not taken; the message says why and what to do."""


class Archive:
    """The files of a zip by name; folders are none. Use ``opened``."""

    def __init__(self, zipped: zipfile.ZipFile, size: int) -> None:
        self._zip = zipped
        infos = [info for info in zipped.infolist() if not info.is_dir()]
        _check(infos, size)
        self._infos = {info.filename: info for info in infos}
        if len(self._infos) != len(infos):
            raise BadArchive("The zip holds two files of one name: make it again.")

    @property
    def names(self) -> list[str]:
        return list(self._infos)

    def __contains__(self, name: object) -> bool:
        return name in self._infos

    def read(self, name: str, *, most: int) -> bytes:
        """Its content. BadArchive if it is damaged or has more bytes than ``most``."""
        info = self._infos[name]
        too_large = f"{name} has more than {most / 2**20:.0f} MB: leave it out."
        if info.file_size > most:
            raise BadArchive(too_large)
        try:
            with self._zip.open(info) as file:
                data = file.read(most + 1)  # the size that the zip tells may be a lie
        except Exception as error:  # a parser fed with broken bytes may raise anything
            raise BadArchive(f"{name} is damaged in the zip: make it again.") from error
        if len(data) > most:
            raise BadArchive(too_large)
        return data


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Archive]:
    """BadArchive if it is no zip, or one that wants to harm."""
    size = file.seek(0, 2)
    try:
        zipped = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise BadArchive("The file is not a zip, or it is cut off: make it again.") from error
    with zipped:
        yield Archive(zipped, size)


def _check(infos: list[ZipInfo], size: int) -> None:
    if len(infos) > MOST_FILES:
        raise BadArchive(f"The zip holds more than {MOST_FILES} files: send it in parts.")
    if sum(info.compress_size for info in infos) > size:
        raise BadArchive("Files of the zip lie over each other, as in a zip bomb: it is not taken.")
    for info in infos:
        _check_one(info)


def _check_one(info: ZipInfo) -> None:
    name = info.filename
    path = PurePosixPath(name)
    absolute = path.is_absolute() or bool(PureWindowsPath(name).drive)
    if absolute or ".." in path.parts or "\\" in name or "\0" in info.orig_filename:
        raise BadArchive(f"The zip holds the name {name!r}: names must lie inside of it.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadArchive(f"{name} is a link: put the file itself into the zip.")
    if info.flag_bits & 1:
        raise BadArchive(f"{name} is encrypted: make the zip without a password.")
    if info.file_size > _SMALL and info.file_size > _RATIO * max(1, info.compress_size):
        raise BadArchive(f"{name} unpacks to {_RATIO} times its size and more: it is not taken.")
