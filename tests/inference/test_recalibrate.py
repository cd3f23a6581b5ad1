"""Thresholds from confirmed defects, by the command line."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference import artefact
from inference.cli.main import main
from inference.detectors.memory import Memory
from inference.thresholds import Thresholds
from tests.inference.pictures import picture, png, scratched, texture
from tests.inference.test_bad_input import refusal

HEADER = ("path", "split", "label", "defect_type", "mask", "group")
KEYS = {"artefact", "sha256", "promise", "ok", "not_ok", "confirmed", "left_out"}
DEFECTS = 12  # enough to promise 25 %


def faint(seed: int) -> NDArray[np.uint8]:
    """A bad part that looks like a good one."""
    pixels = texture(seed)
    pixels[80:84, 70:74] = 140
    return pixels


def written(folder: Path, rows: Iterable[tuple[str, ...]]) -> Path:
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder


def confirmed(folder: Path, pictures: Iterable[NDArray[np.uint8]], group: str = "") -> Path:
    """A data set of confirmed defects without masks."""
    folder.mkdir(parents=True)
    rows = []
    for number, pixels in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(png(pixels))
        rows.append((f"{number}.png", "train", "defect", "scratch", "", group))
    return written(folder, rows)


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clear") / "data"
    return confirmed(folder, (scratched(100 + number) for number in range(DEFECTS)))


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden") / "data"
    return confirmed(folder, (faint(100 + number) for number in range(DEFECTS)))


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("memory") / "a"
    detector = Memory.fit([picture(texture(seed)) for seed in range(12)], size=64, device="cpu")
    detector.save(out, {"fit_seconds": 1.5})
    return out


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes along later: good parts that no detector has seen."""
    folder = tmp_path_factory.mktemp("line")
    for number in range(12):
        (folder / f"{number:02d}.png").write_bytes(png(texture(200 + number)))
    return folder


def again(given: Path, data: Path, out: Path, *more: str) -> int:
    return main(["recalibrate", str(given), str(data), "--out", str(out), *more])


def told(
    given: Path, data: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, Any]:
    assert again(given, data, out, "--json", *more) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def judged(given: Path, line: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["judge", str(given), str(line), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["judgements"]
    return {one["image"]: (one["score"], one["evaluation"]) for one in found}


def limits(given: Path) -> Thresholds:
    return Thresholds.from_json(artefact.read(given).config["thresholds"])


def test_defects_that_are_hard_to_see_lower_ok_and_the_verdicts_follow(
    memory: Path, hidden: Path, line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(memory, hidden, tmp_path / "b", capsys, "--escape-rate", "0.25")
    before, after = limits(memory), limits(tmp_path / "b")
    assert set(found) == KEYS and found["confirmed"] == DEFECTS and found["left_out"] == 0
    assert found["ok"] == after.ok < before.ok and after.not_ok == before.not_ok
    was, now = judged(memory, line, capsys), judged(tmp_path / "b", line, capsys)
    moved = {name for name, (score, _) in was.items() if after.ok <= score < before.ok}
    assert moved and all(was[name][1] == "ok" for name in moved)
    assert {name for name in was if was[name] != now[name]} == moved
    assert all(now[name] == (was[name][0], "not_decidable") for name in moved)


def test_defects_that_are_clear_raise_ok_up_to_not_ok(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(memory, clear, tmp_path / "b", capsys, "--escape-rate", "0.25")
    assert found["ok"] == found["not_ok"] == limits(memory).not_ok > limits(memory).ok
    assert found["artefact"] == str(tmp_path / "b")
    assert found["sha256"] == artefact.sha256(tmp_path / "b") != artefact.sha256(memory)
    assert found["promise"].startswith("with 12 held-out normals: false calls")
    assert "with 12 confirmed defects: escapes <= 22.1 %" in found["promise"]


def test_the_original_stays_and_the_notes_are_kept(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in memory.iterdir()}
    told(memory, clear, tmp_path / "b", capsys, "--escape-rate", "0.25")
    assert {path.name: path.read_bytes() for path in memory.iterdir()} == before
    was, now = artefact.read(memory), artefact.read(tmp_path / "b")
    assert now.notes == was.notes == {"fit_seconds": 1.5}
    assert {name for name in was.config if was.config[name] != now.config[name]} == {"thresholds"}
    assert (tmp_path / "b" / artefact.MODEL).read_bytes() == before[artefact.MODEL]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory of so many parts that it can promise something."""
    out = tmp_path_factory.mktemp("many") / "a"
    small = [picture(texture(seed, 64)) for seed in range(32)]
    Memory.fit(small, size=64, device="cpu", false_call_rate=0.09).save(out)
    return out


def test_a_promise_raises_not_ok_and_leaves_ok(
    many: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(many, clear, tmp_path / "b", capsys, "--promise", "0.0999")
    assert found["not_ok"] > limits(many).not_ok and found["ok"] == limits(many).ok
    assert found["promise"] == "with 32 held-out normals: false calls <= 9 % at 95 % confidence"
    assert found["confirmed"] == 0


def test_with_both_ok_may_rise_as_far_as_the_raised_not_ok(
    many: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("--promise", "0.0999", "--escape-rate", "0.25")
    found = told(many, clear, tmp_path / "b", capsys, *both)
    assert limits(many).not_ok < found["ok"] <= found["not_ok"]
    assert "false calls <= 9 %" in found["promise"] and "escapes" in found["promise"]


def test_for_people_it_says_what_fit_says(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert again(memory, clear, tmp_path / "b", "--escape-rate", "0.25") == 0
    streams = capsys.readouterr()
    first, counts, promise, name = streams.out.splitlines()
    assert "ok below" in first and counts == "from 12 confirmed defects; 0 pictures left out"
    assert promise.startswith("promise: with 12") and name.endswith(artefact.sha256(tmp_path / "b"))
    assert "recalibrate" in streams.err


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good parts, three defects with masks to learn from, and twelve that come without."""
    folder = tmp_path_factory.mktemp("lessons")
    rows = []
    for number in range(12):
        (folder / f"good{number}.png").write_bytes(png(texture(number)))
        rows.append((f"good{number}.png", "train", "good", "", "", ""))
    for number in range(3 + DEFECTS):
        name, pixels = f"bad{number}.png", scratched(50 + number)
        (folder / name).write_bytes(png(pixels))
        mask = f"mask{number}.png" if number < 3 else ""
        if mask:
            Image.fromarray(((pixels[:, :, 0] == 235) * 255).astype(np.uint8)).save(folder / mask)
        group = "seen" if number in (2, 3) else ""  # the fourth shows a part that was learnt
        rows.append((name, "train", "defect", "scratch", mask, group))
    (folder / "twice.png").write_bytes((folder / "bad5.png").read_bytes())
    rows.append(("twice.png", "train", "defect", "scratch", "", ""))
    return written(folder, rows)


@pytest.fixture(scope="module")
def taught(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("taught") / "a"
    given = ["fit", str(lessons), "--out", str(out), "--detector", "fusion", "--size", "64"]
    assert main(given) == 0
    return out


def test_what_was_learnt_its_parts_and_copies_are_left_out(
    taught: Path, lessons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(taught, lessons, tmp_path / "b", capsys, "--escape-rate", "0.25")
    assert found["confirmed"] == DEFECTS - 1
    assert found["left_out"] == 3 + 1 + 1, "the learnt, a learnt part, a copy"


def test_a_detector_that_knows_all_defects_is_refused(
    taught: Path, lessons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in csv.reader((lessons / "manifest.csv").open()) if row[4]]
    folder = tmp_path / "known"
    folder.mkdir()
    for name in (cell for row in rows[1:] for cell in (row[0], row[4])):
        (folder / name).write_bytes((lessons / name).read_bytes())
    written(folder, [tuple(row) for row in rows[1:]])
    said = refusal(again(taught, folder, tmp_path / "b", "--escape-rate", "0.25"), capsys)
    assert "has learnt from all 3 defects" in said and "that it does not know" in said


def test_a_detector_that_names_keeps_its_names(
    taught: Path, lessons: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teach", str(taught), str(lessons), "--out", str(tmp_path / "named")]) == 0
    capsys.readouterr()
    found = told(tmp_path / "named", clear, tmp_path / "b", capsys, "--escape-rate", "0.25")
    config = artefact.read(tmp_path / "b").config
    assert config["detector"] == "named" and config["thresholds"]["ok"] == found["ok"]
    judged(tmp_path / "b", clear, capsys)


def test_pictures_of_one_part_count_once(
    memory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [scratched(100 + number) for number in range(DEFECTS)]
    data = confirmed(tmp_path / "one", pictures, group="part 7")
    said = refusal(again(memory, data, tmp_path / "b", "--escape-rate", "0.25"), capsys)
    assert "11 independent confirmed defects are needed" in said
    assert "there is 1, enough for 95 %" in said


def test_wrong_use_ends_with_one_sentence(
    memory: Path, clear: Path, line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, rate = tmp_path / "b", ("--escape-rate", "0.25")
    stub = tmp_path / "stub"
    assert main(["fit", str(line), "--out", str(stub), "--detector", "stub"]) == 0
    capsys.readouterr()
    cases = [
        ((memory, clear, out), "give --escape-rate, --promise or both"),
        ((memory, clear, out, *rate, "--split", "test"), "never set on test pictures"),
        ((memory, clear, out, *rate, "--split", "later"), "has no defects in the split 'later'"),
        ((memory, line, out, *rate), "list confirmed ones there in a manifest.csv"),
        ((memory, clear, memory, *rate), "must stay as it is"),
        ((memory, clear, memory / "inside", *rate), "must stay as it is"),
        ((memory, clear, memory.parent, *rate), "must stay as it is"),
        ((memory, clear, line, *rate), "is not an artefact: choose another place"),
        ((memory, clear, out, "--escape-rate", "0.05"), "59 independent confirmed defects"),
        ((memory, clear, out, "--escape-rate", "0.05"), "there are 12, enough for 22.1 %"),
        ((memory, clear, out, "--promise", "0.01"), "299 independent held-out normals are needed"),
        ((stub, clear, out, *rate), "A stub is for trials alone"),
        ((tmp_path / "no", clear, out, *rate), "is not an artefact"),
        ((memory, tmp_path / "no", out, *rate), "no folder or manifest"),
        ((memory, tmp_path / "no", out, "--promise", "0.01"), "no folder or manifest"),
    ]
    for given, says in cases:
        artefact_and_data, rest = map(str, given[:2]), map(str, given[2:])
        status = main(["recalibrate", *artefact_and_data, "--out", *rest])
        assert says in refusal(status, capsys), given
    assert not out.exists()


def test_a_withdrawn_promise_is_not_renewed(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    less = Memory.load(memory, device="cpu").remove([picture(texture(3))])
    less.save(tmp_path / "less")
    said = refusal(again(tmp_path / "less", clear, tmp_path / "b", "--promise", "0.09"), capsys)
    assert "a picture was taken out of the memory: fit it anew" in said


def test_too_few_defects_are_refused_before_the_work(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert again(memory, clear, tmp_path / "b", "--escape-rate", "0.05") == 2
    assert capsys.readouterr().err.startswith("inference: "), "a bar was drawn"


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "nan", "many"])
def test_a_rate_that_is_none_is_refused(
    memory: Path, clear: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        again(memory, clear, tmp_path / "b", f"--escape-rate={rate}")
    assert "--escape-rate: must" in capsys.readouterr().err.splitlines()[-1]


def test_fit_proves_what_is_demanded_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(32):
        (tmp_path / f"{number:02d}.png").write_bytes(png(texture(number, 64)))
    rates = ("--false-call-rate", "0.09", "--promise", "0.0999")
    given = ["fit", str(tmp_path), "--out", str(tmp_path / "out"), "--size", "64", *rates]
    assert main(given) == 0
    assert "promise: with 32 held-out normals: false calls <= 9 %" in capsys.readouterr().out
    assert limits(tmp_path / "out").promise_rate == 0.0999
