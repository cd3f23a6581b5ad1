"""What the tests of this folder ask about processes."""

import time
from collections.abc import Callable

import psutil


def wait_for(condition: Callable[[], object], *, seconds: float = 20, what: str = "condition"):
    """Its first true value; asked again and again, because processes have no callback."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds} s in vain for: {what}")
        time.sleep(0.02)
    return value


def mentioning(text: str) -> list[psutil.Process]:
    """Living processes whose command line or working directory contains the text."""
    return [one for one in psutil.process_iter() if _mentions(one, text)]


def _mentions(process: psutil.Process, text: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return text in " ".join([process.cwd(), *process.cmdline()])
    except psutil.Error:
        return False
