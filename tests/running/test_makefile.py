"""What make says on a machine that lacks something: one sentence, and nothing half-made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

TOOLS = ("sh", "make", "awk", "df", "printf", "test", "rm", "touch", "cc", "gcc")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder to stand for PATH, with the tools that a fresh machine has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return folder


def make(machine: Path, *words: str) -> subprocess.CompletedProcess[str]:
    venv = machine.parent / "venv"
    done = subprocess.run(
        [str(machine / "make"), "install", f"VENV={venv}", *words],
        cwd=settings.BASE_DIR,
        env={**os.environ, "PATH": str(machine), "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not venv.exists()
    return done


def python() -> str:
    base = getattr(sys, "_base_executable", sys.executable)
    return f"PYTHON={base}"


def test_without_a_compiler_it_says_how_to_get_one(machine):
    for compiler in ("cc", "gcc"):
        (machine / compiler).unlink(missing_ok=True)
    done = make(machine, python())
    assert done.returncode != 0
    assert "No C compiler was found" in done.stderr


def test_without_python_it_says_which_is_needed(machine):
    done = make(machine)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr


def test_with_an_old_python_it_says_so(machine):
    old = machine / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(machine, f"PYTHON={old}")
    assert done.returncode != 0
    assert "is not Python 3.11 or newer" in done.stderr


def test_with_a_full_disk_it_says_how_much_is_needed(machine):
    done = make(machine, python(), "DISK_MB=999999999")
    assert done.returncode != 0
    assert "Free some space first" in done.stderr
