"""How the command line ends when it cannot go on: one sentence on a line of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference import artefact
from inference.cli.main import INTERRUPTED, main
from inference.detectors.stub import Stub
from tests.inference.pictures import picture, png, scratched, texture
from tests.inference.test_bad_input import copied, refusal

PROGRAM = [sys.executable, "-m", "inference"]


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stub") / "a"
    Stub.fit([picture(texture(seed)) for seed in range(12)], size=128).save(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good pictures to fit on, and defects of two types to test and to name."""
    folder = tmp_path_factory.mktemp("data")
    for number in range(12):
        put(folder / "train" / "good" / f"{number:02d}.png", texture(number))
    for number in range(4):
        put(folder / "test" / "ab"[number % 2] / f"{number}.png", scratched(number))
    return folder


def put(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels))


def test_the_sentence_begins_on_its_own_line_though_a_bar_was_drawn(
    stub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        put(tmp_path / f"{number}.png", texture(number))
    (tmp_path / "z.png").write_bytes(b"no picture")
    for command in (
        ["judge", str(stub), str(tmp_path)],
        ["drift", str(stub), str(tmp_path)],
        ["evaluate", str(stub), str(tmp_path), "--split", "train"],
        ["fit", str(tmp_path), "--detector", "stub", "--out", str(tmp_path / "out")],
        ["synthesise", str(tmp_path), "--out", str(tmp_path / "made")],
        ["discover", str(stub), str(tmp_path), "--out", str(tmp_path / "sheets")],
    ):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "/" in said.split("\n")[0], "there was no bar"
        assert said.rstrip("\n").split("\n")[-1].startswith("inference: "), command


def test_judge_takes_the_pictures_of_a_folder_in_order(
    stub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.png", "a.PNG", "inside/c.png"):
        put(tmp_path / name, texture(1))
    put(tmp_path / "folder.png" / "d.png", texture(1))
    (tmp_path / "notes.txt").write_text("no picture")
    assert main(["judge", str(stub), str(tmp_path), str(tmp_path / "b.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["judgements"]
    assert [Path(one["image"]).name for one in found] == ["a.PNG", "b.png", "b.png"]


def test_judge_refuses_a_folder_without_pictures(
    stub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "inside" / "a.png", texture(1))
    said = refusal(main(["judge", str(stub), str(tmp_path)]), capsys)
    assert "holds no pictures" in said


@pytest.mark.parametrize("kind", ["system", "file"])
def test_a_place_that_takes_nothing_is_refused_before_the_work(
    stub: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = "/proc/nothing" if kind == "system" else str(tmp_path / "file" / "under" / "it")
    for command in (
        ["fit", str(data), "--out", out],
        ["synthesise", str(data), "--out", out],
        ["teach", "none", str(data), "--split", "test", "--out", out],
        ["discover", str(stub), str(data), "--out", out],
        ["evaluate", str(stub), str(data), "--report", out],
        ["judge", str(stub), str(data / "train" / "good"), "--overlay", out],
        ["recalibrate", str(stub), str(data), "--promise", "0.05", "--out", out],
        ["pull", "timm:mobilenetv2_100", "--out", out],
    ):
        status, streams = main(command), capsys.readouterr()
        assert (status, streams.out) == (2, "")
        assert streams.err.startswith(f"inference: {out} cannot take "), command


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_an_artefact_needs_a_folder_of_its_own(
    data: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    said = refusal(main(["fit", str(data), "--detector", "stub", "--out", out]), capsys)
    assert "name a new folder" in said


def test_a_checkpoint_needs_a_folder_that_is_there(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["fit", str(data), "--detector", "head", "--out", str(tmp_path / "a")]
    said = refusal(main([*given, "--checkpoint", str(tmp_path / "no" / "state")]), capsys)
    assert "cannot take a checkpoint" in said


def test_a_promise_beyond_all_pictures_is_refused_before_the_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["fit", str(data), "--out", str(tmp_path / "a"), "--promise", "0.05"]
    assert main(given) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"inference: {data}: 59 independent held-out normals are needed")
    assert "there are 12" in said


def test_discover_says_what_is_not_there(
    stub: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["discover", str(stub), str(data), "--out", str(tmp_path / "a")]
    assert "has no pictures in the split 'x'" in refusal(main([*given, "--split", "x"]), capsys)
    assert main([*given[:2], str(data / "train" / "good"), *given[3:], "--regions", "true"]) == 2
    assert capsys.readouterr().err.endswith("good has no defects.\n")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--seed", "-1", "whole number, 0 or above"),
        ("--seed", str(2**32), "up to 4294967295"),
        ("--seed", "9" * 5000, "up to 4294967295"),
        ("--size", "0", "multiple of 8 between 64 and 2048"),
        ("--size", "100000", "multiple of 8 between 64 and 2048"),
        ("--size", "abc", "multiple of 8 between 64 and 2048"),
        ("--false-call-rate", "2", "between 0 and 0.1"),
        ("--promise", "nan", "between 0 and 0.1"),
        ("--device", "meta", "there is no device 'meta'"),
    ],
)
def test_a_value_out_of_range_is_refused(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    says: str,
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["fit", str(data), "--out", str(tmp_path / "a"), f"{option}={value}"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in last and says in last


def test_the_largest_seed_is_taken_by_all_that_draws(data: Path, tmp_path: Path) -> None:
    seed = ("--seed", str(2**32 - 1))
    for command in (
        ["fit", str(data), "--out", str(tmp_path / "a"), "--size", "64", *seed],
        ["synthesise", str(data), "--out", str(tmp_path / "b"), "--count", "1", *seed],
        ["teach", "none", str(data), "--split", "test", "--out", str(tmp_path / "c"), *seed],
    ):
        assert main(command) == 0


@pytest.mark.parametrize("broken", ["no thresholds", "no numbers", "no size"])
def test_a_config_that_lacks_something_is_called_damaged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    fitted = tmp_path / "fitted"
    assert main(["fit", str(data), "--out", str(fitted), "--size", "64"]) == 0
    config = json.loads((fitted / artefact.CONFIG).read_text())
    wrong: dict[str, dict[str, object]] = {
        "no thresholds": {"thresholds": {}},
        "no numbers": {"thresholds": {**config["thresholds"], "ok": "high"}},
        "no size": {"typical": None},
    }
    copy = copied(fitted, tmp_path / "copy")
    (copy / artefact.CONFIG).write_text(json.dumps({**config, **wrong[broken]}))
    capsys.readouterr()
    for command in (
        ["judge", str(copy), str(data / "train" / "good")],
        ["discover", str(copy), str(data), "--out", str(tmp_path / "sheets")],
    ):
        assert f"{copy} is damaged: its config.json" in refusal(main(command), capsys)


def test_ctrl_c_ends_with_one_line_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ["fit", str(data), "--out", str(out / "a"), "--detector", "head", "--size", "512"]
    with subprocess.Popen([*PROGRAM, *given], stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        begun = running.stderr.read(10)  # of the bar: the work goes on
        running.send_signal(signal.SIGINT)
        said = (begun + running.stderr.read()).decode()
        assert running.wait(timeout=60) == INTERRUPTED
    assert said.rstrip("\n").split("\n")[-1] == "inference: Interrupted before the work was done."
    assert "Traceback" not in said and not out.exists()


@pytest.mark.parametrize("command", ["judge", "list"])
def test_a_closed_standard_output_is_said(stub: Path, data: Path, command: str) -> None:
    more = [str(stub), str(data / "train" / "good")] if command == "judge" else []
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, command, *more],
        stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "inference: Standard output is closed: nobody would see the answer.\n"


def test_a_full_disk_behind_the_output_is_said(stub: Path, data: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr == "inference: The output cannot be used: No space left on device.\n"


def test_a_reader_that_goes_early_is_no_fault() -> None:
    running = subprocess.Popen([*PROGRAM, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(timeout=60) == 1
    assert running.stderr is not None and running.stderr.read() == b""
    running.stderr.close()


def test_names_that_no_terminal_shows_are_spelt_out(stub: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"gr\xfc\xdf.png")
    put(tmp_path / odd, texture(1))
    put(tmp_path / "größe.png", texture(2))
    done = subprocess.run(
        [*PROGRAM, "judge", str(stub), str(tmp_path)],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "gr\\xf6\\xdfe.png: ok" in done.stdout and "gr\\udcfc\\udcdf.png: ok" in done.stdout
