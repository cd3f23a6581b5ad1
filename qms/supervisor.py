"""Start programs, keep them running, stop them in reverse: for one machine. Knows no Django.

Every child is asked by the kernel to die with us, so even `kill -9` leaves no orphan. The kernel
ties that promise to the *thread* that forks, hence: use a Supervisor from the main thread only.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_BIG_LOG = 10 * 2**20
_CALM_AFTER = 60.0  # a program that ran this long starts again with the shortest pause
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_EARLY_EXITS = 4


class StartFailed(Exception):
    """A program did not come up; the message names its last words and its log."""


@dataclass(frozen=True)
class Program:
    """What to run and how one knows that it runs."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None  # before every start, restarts too
    env: Mapping[str, str] = field(default_factory=dict)  # on top of ours
    cwd: Path | None = None
    user: str | None = None
    nice: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL  # what the kernel sends when we are gone
    start_seconds: float = 60.0
    stop_seconds: float = 10.0


class Running:
    """A program together with its process, which is replaced when it dies."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.pause = _SHORTEST_PAUSE
        self.due = 0.0
        self.since = 0.0
        self.process = self.launch()

    def launch(self) -> subprocess.Popen[bytes]:
        self.program.prepare()
        _rotate(self.log)
        owner = pwd.getpwnam(self.program.user) if self.program.user else None
        with self.log.open("ab") as log:
            self.log_began = log.tell()
            process = subprocess.Popen(
                self.program.argv,
                cwd=self.program.cwd,
                env={**os.environ, **self.program.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us, and we stop them in order
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
                preexec_fn=_die_with(os.getpid(), self.program),
            )
        self.since, self.due = time.monotonic(), 0.0
        return process

    def wait_until_ready(self) -> None:
        """Forgive a few early exits: a killed Postgres may still hold its memory for a moment."""
        deadline = time.monotonic() + self.program.start_seconds
        exits = 0
        while not self.program.ready():
            gone = self.process.poll() is not None
            exits += gone
            if exits > _EARLY_EXITS or time.monotonic() > deadline:
                raise StartFailed(f"{self.program.name} did not start: {self.last_words()}")
            time.sleep(self._next_pause() if gone else 0.05)
            if gone:
                self.process = self.launch()
        self.pause = _SHORTEST_PAUSE

    def revive(self, say: Callable[[str], None]) -> None:
        """Notice an exit, and start again once the pause is over."""
        code = self.process.poll()
        if code is not None and not self.due:
            _kill_group(self.process.pid)
            if time.monotonic() - self.since > _CALM_AFTER:
                self.pause = _SHORTEST_PAUSE
            pause = self._next_pause()
            self.due = time.monotonic() + pause
            say(f"{self.program.name} ended ({_cause(code)}), starts again in {pause:g} s")
        elif code is not None and time.monotonic() >= self.due:
            self.process = self.launch()
            say(f"{self.program.name} runs again")

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Ask, wait, then kill whatever is left of its process group."""
        if self.process.poll() is None:
            self.process.send_signal(self.program.stop_signal)
        deadline = time.monotonic() + self.program.stop_seconds
        while self.process.poll() is None and time.monotonic() < deadline and not hurry():
            time.sleep(0.02)
        _kill_group(self.process.pid)
        self.process.wait()

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")[-400:]
        words = [line.strip() for line in lines if line.strip()]
        return f"{words[-1] if words else 'it said nothing'} (see {self.log})"

    def _next_pause(self) -> float:
        self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        return self.pause


class Supervisor:
    def __init__(self, logs: Path, say: Callable[[str], None] = lambda _: None) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Programs are started from the main thread: they die with it.")
        logs.mkdir(parents=True, exist_ok=True)
        self.logs, self.say = logs, say
        self.running: list[Running] = []
        self.stopping = self.hurry = False

    def obey_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def start(self, programs: Iterable[Program]) -> None:
        """One after the other, each when the one before answers."""
        for program in programs:
            self.running.append(Running(program, self.logs))
            self.running[-1].wait_until_ready()
            self.say(f"{program.name} runs")

    def run_once(self, program: Program) -> int:
        """Await its end, repeat what it says, and keep the others running meanwhile."""
        self.say(f"{program.name} runs once")
        one = Running(program, self.logs)
        try:
            with one.log.open(errors="replace") as lines:
                lines.seek(one.log_began)
                while (code := one.process.poll()) is None:
                    self._repeat(program, lines)
                    self.check()
                    time.sleep(0.1)
                self._repeat(program, lines)
        finally:
            one.stop(lambda: self.hurry)
        return code

    def _repeat(self, program: Program, lines: Iterable[str]) -> None:
        for line in lines:
            if line.strip():
                self.say(f"{program.name}: {line.strip()}")

    def watch(self) -> None:
        """Restart what ends, until a signal comes."""
        while True:
            self.check()
            time.sleep(0.2)

    def check(self) -> None:
        for one in self.running:
            one.revive(self.say)

    def stop(self) -> None:
        self.stopping = True
        while self.running:
            one = self.running.pop()
            one.stop(lambda: self.hurry)
            self.say(f"{one.program.name} stopped")

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """The first time we stop in order; the second time at once."""
        if self.stopping:
            self.hurry = True
            return
        self.stopping = True
        raise KeyboardInterrupt


def _die_with(parent: int, program: Program) -> Callable[[], None]:
    def in_child() -> None:
        # After the change of user, which would clear the promise again.
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(program.orphan_signal))
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the promise was made
        os.nice(program.nice)

    return in_child


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _BIG_LOG:
        log.replace(log.with_suffix(".log.1"))


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
