from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.cli.main import main
from inference.datasets import Row
from inference.detectors.stub import Stub
from inference.evaluation import figures, tried
from inference.report import writing as report
from inference.report.text import markdown
from inference.report.writing import CannotReport, refuse_foreign_content
from tests.inference.pictures import picture, png, scratched, texture


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("artefact") / "stub"
    Stub.fit([picture(texture(seed)) for seed in range(12)], size=128).save(folder)
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """MVTec's layout: good parts, one of them glaring; scratches, one of them hidden."""
    place = tmp_path_factory.mktemp("Teile mit Läufern")
    for kind in ("good", "tiefer Kratzer_|2$", "hidden"):
        (place / "test" / kind).mkdir(parents=True)
        (place / "ground_truth" / kind).mkdir(parents=True)
    for number in range(4):
        good = texture(number + 50)
        if number == 3:
            good[20:40, 20:40] = 250
        (place / "test" / "good" / f"{number}.png").write_bytes(png(good))
        write_defect(place, "tiefer Kratzer_|2$", number, scratched(number))
    write_defect(place, "hidden", 0, texture(70))
    return place


def write_defect(place: Path, kind: str, number: int, pixels: np.ndarray) -> None:
    (place / "test" / kind / f"{number}.png").write_bytes(png(pixels))
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[80:92, 70:110] = 255
    Image.fromarray(mask).save(place / "ground_truth" / kind / f"{number}_mask.png")


@pytest.fixture(scope="module")
def written(fitted, dataset, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "report"
    command = ["evaluate", str(fitted), str(dataset), "--report", str(folder)]
    assert main(command) == 0
    return folder


def test_the_report_has_a_text_and_every_picture_it_speaks_of(written):
    text = (written / "report.md").read_text(encoding="utf-8")
    assert {path.name for path in written.iterdir()} == report.FILES
    for name in report.FILES - {"report.md"}:
        assert text.count(f"]({name})") == 1
        with Image.open(written / name) as image:
            assert image.format == "PNG" and min(image.size) > 300
            assert len(set(image.convert("L").resize((64, 64)).get_flattened_data())) > 8, name


def test_the_text_names_the_figures_the_types_and_the_worst(written):
    text = (written / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Evaluation on Teile mit Läufern")
    assert "| Image AUROC | 0." in text and "with 12 held-out normals" in text
    assert "| tiefer Kratzer\\_\\|2$ | no | 4 | 100.0 % |" in text
    assert "`test/good/3.png`" in text and "`test/hidden/0.png`" in text
    assert str(written.parents[2]) not in text, "a report must not tell where it was made"


def test_a_second_report_replaces_the_first(fitted, dataset, written):
    (written / "escapes.png").write_bytes(b"old")
    command = ["evaluate", str(fitted), str(dataset), "--report", str(written), "--limit", "9"]
    assert main(command) == 0
    assert (written / "escapes.png").read_bytes() != b"old"


def test_stale_pictures_of_an_older_report_are_removed(fitted, tmp_path, trial_of_good):
    (tmp_path / "roc.png").write_bytes(b"old")
    trial, thresholds = trial_of_good
    report.write(tmp_path, trial, with_artefact(figures(trial)), thresholds, dataset=tmp_path)
    assert not (tmp_path / "roc.png").exists() and (tmp_path / "scores.png").exists()


@pytest.fixture
def trial_of_good(fitted, dataset):
    detector = Stub.load(fitted)
    paths = sorted((dataset / "test" / "good").iterdir())[:3]
    rows = [Row(path=path, split="test", label="good") for path in paths]
    return tried(detector, rows), detector.thresholds


def with_artefact(found):
    facts = {"artefact_sha256": "0", "artefact_bytes": 1, "backbone": "none", "detector": "stub"}
    return found | facts


def test_without_defects_the_rest_is_still_reported(tmp_path, trial_of_good):
    trial, thresholds = trial_of_good
    found = with_artefact(figures(trial))
    names = report.write(tmp_path / "new", trial, found, thresholds, dataset=tmp_path)
    text = (tmp_path / "new" / "report.md").read_text(encoding="utf-8")
    assert names == ["report.md", "scores.png", "latency.png"]
    assert "| Image AUROC | n/a |  |" in text
    assert "There are no defects" in text and "No good picture was called not ok." in text


def test_learnt_types_and_what_was_left_out_are_told(trial_of_good, dataset, fitted):
    trial, thresholds = trial_of_good
    masks = dataset / "ground_truth" / "hidden"
    row = Row(path=dataset / "test" / "hidden" / "0.png", split="test", label="defect")
    both = tried(Stub.load(fitted), [*trial.rows, replace(row, mask=masks / "0_mask.png")])
    both = replace(both, seen_types=frozenset({"defect"}), left_out=7)
    cases = report.worst(both, dataset)
    text = markdown(with_artefact(figures(both)), thresholds, cases, [], "d")
    assert "7 pictures were left out because the detector has learnt from them." in text
    assert "| defect | yes | 1 |" in text and "**all learnt types**" in text


@pytest.mark.parametrize(("gain", "warned"), [(1.0, False), (1.2, True)])
def test_good_parts_unlike_the_calibration_are_warned_of(tmp_path, gain, warned):
    detector = Stub.fit([picture(texture(seed, 64)) for seed in range(40)], size=64)
    rows = []
    for number in range(30):
        path = tmp_path / f"{number}.png"
        path.write_bytes(png((texture(100 + number, 64) * gain).clip(0, 255).astype(np.uint8)))
        rows.append(Row(path=path, split="test", label="good"))
    said = report.unlike_the_calibration(tried(detector, rows), detector.thresholds)
    assert ("what calibration promises does not hold for them" in said) is warned


def test_the_worst_come_first(fitted, dataset):
    rows = [
        Row(path=path, split="test", label="good" if path.parent.name == "good" else "defect")
        for path in sorted((dataset / "test").rglob("*.png"))
    ]
    found = report.worst(tried(Stub.load(fitted), rows), dataset)
    for name, ascending in (("false_calls.png", False), ("escapes.png", True)):
        scores = [case.judgement.score for case in found[name]]
        assert scores and scores == sorted(scores, reverse=not ascending)


def test_a_folder_with_other_things_is_left_alone(fitted, dataset, tmp_path, capsys):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    command = ["evaluate", str(fitted), str(dataset), "--report", str(tmp_path)]
    assert main(command) == 2
    said = capsys.readouterr()
    assert "holds holiday.jpg, which is no part of a report" in said.err and said.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_report_is_no_file(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(CannotReport, match="is a file"):
        refuse_foreign_content(tmp_path / "file")


def test_a_folder_that_cannot_be_made_ends_with_a_sentence(fitted, dataset, tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"x")
    folder = tmp_path / "file" / "report"
    assert main(["evaluate", str(fitted), str(dataset), "--report", str(folder)]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "cannot take the report: Not a directory." in last
