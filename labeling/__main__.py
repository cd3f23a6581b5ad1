"""python -m labeling score-types PREDICTIONS.csv [--json]"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labeling.evaluation import BadPredictions, read_predictions, score_types


def main(given: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(given)
    try:
        card = score_types(read_predictions(options.predictions))
    except BadPredictions as error:
        print(f"labeling: {error}", file=sys.stderr)
        return 2
    return _told(
        json.dumps(_plain(card), indent=2, allow_nan=False) if options.json else _table(card)
    )


def _told(text: str) -> int:
    """Exit status of writing a result: 1 if the reader left, 2 if it could not be written."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        print(text, flush=True)
        return 0
    except BrokenPipeError:
        status = 1
    except OSError as error:
        print(f"labeling: the result cannot be written: {error.strerror}.", file=sys.stderr)
        status = 2
    # What is left is not flushed again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m labeling")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    score = commands.add_parser("score-types", help="rate predicted defect types")
    score.add_argument("predictions", type=Path, metavar="PREDICTIONS.csv")
    score.add_argument("--json", action="store_true")
    return whole


def _plain(value: Any) -> Any:
    """JSON has no NaN: a rate of nothing becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and value != value else value


def _table(card: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in card.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _table(value, indent + "  ")]
        else:
            shown = f"{value:.4f}" if isinstance(value, float) else value
            lines.append(f"{indent}{name:<{28 - len(indent)}} {shown}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
