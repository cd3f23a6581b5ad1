"""Work on several cores at once, in threads; for work that frees the GIL. Knows no torch."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Iterable[T], most: int | None = None) -> Iterator[R]:
    """``work`` for each item, ``most`` at a time (one a core if not said), answers in order.

    A fault ends it: what has not begun by then is not done.
    """
    with ThreadPoolExecutor(most or cores()) as pool:
        yield from pool.map(work, items)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))
