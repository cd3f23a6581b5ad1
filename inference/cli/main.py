"""Arguments to a command; what is asked wrongly ends with one sentence and exit status 2."""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from inference.cli import arguments
from inference.faults import Fault

INTERRUPTED = 130  # as a shell calls what Ctrl-C has ended


def main(given: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    _ready_the_streams()
    options = arguments.parser().parse_args(given)
    try:
        return _run(options)
    except BrokenPipeError:
        _forget_what_nobody_reads()
        return 1
    except KeyboardInterrupt:
        return _ended(INTERRUPTED, "Interrupted before the work was done.")
    except Fault as fault:
        return _ended(2, str(fault))
    except MemoryError:
        return _ended(2, "The memory of this machine does not suffice: try a smaller --size.")
    except OSError as error:
        _forget_what_cannot_be_written()
        return _ended(2, f"{error.filename or 'The output'} cannot be used: {error.strerror}.")


def _run(options: Namespace) -> int:
    if sys.stdout is None:
        raise Fault("Standard output is closed: nobody would see the answer.")
    # A command's module is imported when it is run: --help and list cost no torch.
    status = int(import_module(f"inference.cli.{options.module}").run(options))
    sys.stdout.flush()  # here, where a reader that has gone is understood
    return status


def _ready_the_streams() -> None:
    """Names of files may hold what the terminal cannot show; that must not be an error."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for the life of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_what_cannot_be_written() -> None:
    """A full disk would refuse once more when the process ends, and then with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        _forget_what_nobody_reads()


def _forget_what_nobody_reads() -> None:
    """The reader (head, less) has seen enough: nothing is left to be flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ended(status: int, sentence: str) -> int:
    print(f"inference: {sentence}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return status
