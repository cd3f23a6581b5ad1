import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from qms.supervisor import Program, StartFailed, Supervisor
from tests.running.processes import mentioning, wait_for

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER


def program(name: str, code: str, **more) -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code), **more)


def has_spoken(folder: Path, name: str):
    return lambda: "here" in (folder / f"{name}.log").read_text()


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(tmp_path, said):
    one = Supervisor(tmp_path, said.append)
    yield one
    one.hurry = True
    one.stop()


def test_the_next_program_waits_until_the_one_before_is_ready(supervisor, tmp_path):
    slow = "import time; time.sleep(0.3); " + SLEEPER
    supervisor.start([program("first", slow, ready=has_spoken(tmp_path, "first"))])
    assert has_spoken(tmp_path, "first")()


def test_a_program_that_is_killed_runs_again(supervisor, said):
    supervisor.start([program("sleeper", SLEEPER)])
    killed = supervisor.running[0].process.pid
    os.kill(killed, signal.SIGKILL)

    def revived():
        supervisor.check()
        return supervisor.running[0].process.pid != killed

    wait_for(revived)
    assert said == [
        "sleeper runs",
        "sleeper ended (SIGKILL), starts again in 0.2 s",
        "sleeper runs again",
    ]


def test_each_early_end_makes_the_next_pause_longer(supervisor, said):
    supervisor.start([program("broken", "raise SystemExit(3)")])

    def three_ends():
        supervisor.check()
        return len([line for line in said if "ended" in line]) == 3

    wait_for(three_ends)
    pauses = [line.split()[-2] for line in said if "ended (exit code 3)" in line]
    assert pauses == ["0.2", "0.4", "0.8"]


def test_a_program_that_never_comes_up_is_named_with_its_last_words(supervisor):
    broken = program("broken", "raise SystemExit('no such luck')", ready=lambda: False)
    with pytest.raises(StartFailed, match=r"broken did not start: no such luck \(see .*broken.log"):
        supervisor.start([broken])


def test_a_program_that_is_not_ready_in_time_is_named(supervisor):
    with pytest.raises(StartFailed, match="mute did not start"):
        supervisor.start([program("mute", SLEEPER, ready=lambda: False, start_seconds=0.1)])


def test_programs_stop_in_reverse_order(supervisor, said):
    supervisor.start([program("first", SLEEPER), program("second", SLEEPER)])
    supervisor.stop()
    assert said[-2:] == ["second stopped", "first stopped"]


def test_a_program_that_ignores_the_request_is_killed(supervisor, tmp_path):
    ready = has_spoken(tmp_path, "stubborn")
    supervisor.start([program("stubborn", STUBBORN, ready=ready, stop_seconds=0.1)])
    process = supervisor.running[0].process
    supervisor.stop()
    assert process.returncode == -signal.SIGKILL


def test_children_of_a_program_do_not_outlive_it(supervisor, tmp_path):
    mark = f"child-of-{os.getpid()}"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}, '{mark}'])"
    )
    supervisor.start([program("parent", f"{parent}\n{SLEEPER}", ready=lambda: mentioning(mark))])
    supervisor.stop()
    wait_for(lambda: not mentioning(mark), what="the child to go")


def test_a_supervisor_that_is_killed_leaves_no_orphan(tmp_path):
    mark = f"orphan-of-{os.getpid()}"
    code = (
        "import sys, time; from pathlib import Path; from qms.supervisor import Program, Supervisor\n"
        f"one = Program(name='x', argv=(sys.executable, '-c', {SLEEPER!r}, '{mark}'))\n"
        f"Supervisor(Path({str(tmp_path)!r})).start([one]); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        wait_for(lambda: (tmp_path / "x.log").exists() and has_spoken(tmp_path, "x")())
        parent.kill()
    wait_for(lambda: not [p for p in mentioning(mark) if p.pid != parent.pid], what="no orphan")


def test_a_long_log_is_put_aside_at_the_start(supervisor, tmp_path):
    (tmp_path / "sleeper.log").write_bytes(b"x" * (10 * 2**20 + 1))
    ready = has_spoken(tmp_path, "sleeper")
    supervisor.start([program("sleeper", SLEEPER, ready=ready)])
    assert (tmp_path / "sleeper.log").stat().st_size < 100
    assert (tmp_path / "sleeper.log.1").stat().st_size == 10 * 2**20 + 1


def test_a_short_log_is_continued(supervisor, tmp_path):
    (tmp_path / "sleeper.log").write_text("yesterday\n")
    supervisor.start([program("sleeper", SLEEPER, ready=has_spoken(tmp_path, "sleeper"))])
    assert (tmp_path / "sleeper.log").read_text() == "yesterday\nhere\n"


def test_a_nice_program_gives_way(supervisor):
    supervisor.start([program("kind", SLEEPER, nice=10)])
    given = psutil.Process(supervisor.running[0].process.pid).nice()
    assert given == min(19, psutil.Process().nice() + 10)


def test_a_run_once_gives_its_exit_code_and_repeats_what_was_said(supervisor, said, tmp_path):
    (tmp_path / "once.log").write_text("said yesterday\n")
    assert supervisor.run_once(program("once", "print('one'); raise SystemExit('two')")) == 1
    assert said == ["once runs once", "once: one", "once: two"]


def test_only_the_main_thread_may_supervise(tmp_path):
    errors = []

    def elsewhere():
        try:
            Supervisor(tmp_path)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]
