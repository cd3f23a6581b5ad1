"""Arguments to a command; what is asked wrongly ends with one sentence and exit status 2."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from inference.cli import arguments
from inference.faults import Fault


def main(given: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    options = arguments.parser().parse_args(given)
    try:
        # A command's module is imported when it is run: --help and list cost no torch.
        return int(import_module(f"inference.cli.{options.module}").run(options))
    except Fault as fault:
        print(f"inference: {fault}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
