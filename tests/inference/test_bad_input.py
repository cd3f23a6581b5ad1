"""What people get wrong on the command line, and what looks wrong but is fine."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference import artefact
from inference.cli.main import main
from inference.detectors.stub import Stub
from tests.inference.pictures import picture, png, scratched, texture


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("artefact") / "stub"
    Stub.fit([picture(texture(seed)) for seed in range(12)], size=128).save(folder)
    return folder


def put(folder: Path, name: str, pixels: np.ndarray) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(png(pixels))


def fit(data: Path, out: Path, *more: str, detector: str = "stub") -> int:
    size = ("--size", "64")
    return main(["fit", str(data), "--out", str(out), "--detector", detector, *size, *more])


def refusal(status: int, capsys) -> str:
    """The one sentence on standard error; besides progress nothing else may be said."""
    streams = capsys.readouterr()
    assert status == 2 and streams.out == "" and "Traceback" not in streams.err
    (sentence,) = re.findall(r"inference: (.*)", streams.err)
    assert sentence.endswith(".")
    return str(sentence)


def evaluated(fitted: Path, data: Path, capsys, *more: str) -> dict[str, object]:
    assert main(["evaluate", str(fitted), str(data), "--json", *more]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_data_set_without_normals_is_refused(tmp_path, capsys):
    put(tmp_path, "test/hole/a.png", scratched(1))
    assert "no pictures with split train and label good" in refusal(
        fit(tmp_path, tmp_path / "out"), capsys
    )


def test_an_empty_folder_is_refused_by_every_command(fitted, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in (
        ["fit", str(empty), "--out", str(tmp_path / "out")],
        ["evaluate", str(fitted), str(empty)],
        ["drift", str(fitted), str(empty)],
    ):
        said = refusal(main(command), capsys)
        assert "holds no manifest.csv, no MVTec layout and no pictures" in said


def test_one_picture_is_too_few_to_hold_any_out(tmp_path, capsys):
    put(tmp_path / "one", "a.png", texture(1))
    said = refusal(fit(tmp_path / "one", tmp_path / "out", detector="memory"), capsys)
    assert "at least two good parts" in said and not (tmp_path / "out").exists()


def test_pictures_of_different_sizes_can_be_fitted_and_judged(tmp_path, capsys):
    for number, size in enumerate((64, 128, 200, 96)):
        put(tmp_path, f"train/good/{number}.png", texture(number, size)[: size - 10 * number])
        put(tmp_path, f"test/good/{number}.png", texture(number + 9, size))
        put(tmp_path, f"test/hole/{number}.png", scratched(number, max(size, 128)))
    assert fit(tmp_path, tmp_path / "out") == 0
    capsys.readouterr()
    assert evaluated(tmp_path / "out", tmp_path, capsys)["images"] == 8


def test_a_mask_of_another_size_is_refused(fitted, tmp_path, capsys):
    put(tmp_path, "test/good/a.png", texture(1))
    put(tmp_path, "test/hole/a.png", scratched(1))
    put(tmp_path, "ground_truth/hole/a_mask.png", np.zeros((50, 60, 3), np.uint8))
    said = refusal(main(["evaluate", str(fitted), str(tmp_path), "--json"]), capsys)
    assert "60 x 50 pixels, its picture 128 x 128: they must be the same" in said


def test_a_mask_that_is_no_picture_is_refused(fitted, tmp_path, capsys):
    put(tmp_path, "test/hole/a.png", scratched(1))
    (tmp_path / "ground_truth" / "hole").mkdir(parents=True)
    (tmp_path / "ground_truth" / "hole" / "a_mask.png").write_bytes(b"no picture")
    said = refusal(main(["evaluate", str(fitted), str(tmp_path)]), capsys)
    assert "a_mask.png is not a picture that can be read" in said


def test_a_test_picture_that_is_none_is_refused_by_name(fitted, tmp_path, capsys):
    put(tmp_path, "test/good/a.png", texture(1))
    (tmp_path / "test" / "good" / "b.png").write_bytes(b"no picture")
    said = refusal(main(["evaluate", str(fitted), str(tmp_path)]), capsys)
    assert "b.png: The file is not a picture" in said


def test_types_with_spaces_and_other_alphabets_work(fitted, tmp_path, capsys):
    types = ("tiefer Kratzer", "größe ß", "划痕", "скол", "a|b $x$ _c_")
    put(tmp_path, "test/good/gut 1.png", texture(1))
    for number, kind in enumerate(types):
        put(tmp_path, f"test/{kind}/Bild {number} é.png", scratched(number))
    report = tmp_path / "Bericht für alle"
    found = evaluated(fitted, tmp_path, capsys, "--report", str(report))
    assert set(found["per_defect_type"]) == set(types)  # type: ignore[call-overload]
    assert "划痕" in (report / "report.md").read_text(encoding="utf-8")


def copied(fitted: Path, target: Path) -> Path:
    target.mkdir()
    for file in fitted.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


@pytest.mark.parametrize("command", ["judge", "evaluate", "drift"])
def test_an_artefact_that_does_not_have_its_hash_is_refused(fitted, tmp_path, capsys, command):
    put(tmp_path, "test/good/a.png", texture(1))
    copy = copied(fitted, tmp_path / "copy")
    (copy / artefact.MODEL).write_bytes((copy / artefact.MODEL).read_bytes() + b" ")
    data = tmp_path / "test" / "good" / "a.png" if command == "judge" else tmp_path
    said = refusal(main([command, str(copy), str(data)]), capsys)
    assert "is damaged" in said and "sha256" in said


@pytest.mark.parametrize("command", ["judge", "evaluate", "drift"])
def test_an_artefact_of_a_newer_version_asks_for_an_update(fitted, tmp_path, capsys, command):
    put(tmp_path, "test/good/a.png", texture(1))
    copy = copied(fitted, tmp_path / "copy")
    config = json.loads((copy / artefact.CONFIG).read_text())
    (copy / artefact.CONFIG).write_text(json.dumps({**config, "format": artefact.FORMAT + 1}))
    data = tmp_path / "test" / "good" / "a.png" if command == "judge" else tmp_path
    said = refusal(main([command, str(copy), str(data)]), capsys)
    assert said.endswith("made by a newer version: update Andon.")


def test_an_artefact_with_broken_notes_is_still_whole(fitted, tmp_path, capsys):
    put(tmp_path, "test/good/a.png", texture(1))
    copy = copied(fitted, tmp_path / "copy")
    (copy / artefact.NOTES).write_text("{half")
    assert evaluated(copy, tmp_path, capsys)["fit_seconds"] is None


@pytest.mark.parametrize(
    ("kind", "missing"), [("good", "escape_rate"), ("hole", "false_call_rate")]
)
def test_a_test_split_of_one_class_gives_null_and_still_a_report(
    fitted, tmp_path, capsys, kind, missing
):
    put(tmp_path, f"test/{kind}/a.png", texture(1) if kind == "good" else scratched(1))
    report = tmp_path / "report"
    found = evaluated(fitted, tmp_path, capsys, "--report", str(report))
    assert found["image_auroc"] is None and found["balanced_accuracy"] is None
    assert found[missing] is None
    assert found["intervals"][missing] == [None, None]  # type: ignore[index]
    assert (report / "report.md").is_file() and (report / "scores.png").is_file()
    assert not (report / "roc.png").exists()


@pytest.mark.parametrize("size", [(16, 16), (17, 400)])
def test_very_small_and_very_long_pictures_are_judged_and_shown(fitted, tmp_path, capsys, size):
    pixels = np.asarray(Image.fromarray(scratched(1)).resize(size))
    put(tmp_path, "test/good/a.png", pixels)
    put(tmp_path, "test/hole/a.png", pixels)
    put(tmp_path, "ground_truth/hole/a_mask.png", np.full_like(pixels, 255))
    report = tmp_path / "report"
    assert evaluated(fitted, tmp_path, capsys, "--report", str(report))["images"] == 2
    assert (report / "false_calls.png").is_file()
