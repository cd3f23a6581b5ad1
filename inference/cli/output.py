"""Results on standard output, progress on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from inference.detector import Progress


def emit(line: str) -> None:
    """A line of its own, also where a bar is being drawn on the same terminal."""
    tqdm.write(line, file=sys.stdout)


def emit_json(value: dict[str, Any]) -> None:
    """Exactly one JSON object; figures that are not numbers become null."""
    emit(json.dumps(_finite(value), indent=2, allow_nan=False))


@contextmanager
def bar(label: str, unit: str = "picture") -> Iterator[Progress]:
    """A progress bar on standard error for who calls it with (done, total).

    It ends its line however the work ends, so that what is said next begins on one of its own.
    """
    shown: tqdm[Any] | None = None

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if shown is None or done < shown.n:
            if shown is not None:
                shown.close()
            # Drawn once it is held here: one that Ctrl-C cuts short in the making is not closed.
            shown = tqdm(total=total, desc=label, unit=unit, file=sys.stderr, delay=1e-9)
            shown.refresh()
        shown.update(done - shown.n)
        if done >= total:
            shown.close()

    try:
        yield progress
    finally:
        if shown is not None:
            shown.close()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
