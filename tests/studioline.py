"""Which Label Studio in memory answers when the house calls."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes import FakeStudio

_answering: list[FakeStudio] = []


@contextmanager
def behind(studio: FakeStudio) -> Iterator[None]:
    _answering.append(studio)
    try:
        yield
    finally:
        _answering.remove(studio)


def client(url: str, token: str) -> FakeStudio:
    """What settings.STUDIO_CLIENT names in the tests."""
    return _answering[-1].with_token(token)
