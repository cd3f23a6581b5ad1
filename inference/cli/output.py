"""Results on standard output, progress on standard error."""

import json
import sys
from typing import Any

from tqdm import tqdm

from inference.detector import Progress


def emit(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def emit_json(value: dict[str, Any]) -> None:
    """Exactly one JSON object; figures that are not numbers become null."""
    emit(json.dumps(_finite(value), indent=2, allow_nan=False))


def bar(label: str, unit: str = "picture") -> Progress:
    """A progress bar on standard error for who calls it with (done, total)."""
    shown: tqdm[Any] | None = None

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if shown is None or done < shown.n:
            shown = tqdm(total=total, desc=label, unit=unit, file=sys.stderr)
        shown.update(done - shown.n)
        if done >= total:
            shown.close()

    return progress


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
