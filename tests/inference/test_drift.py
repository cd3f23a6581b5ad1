import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from inference.cli.main import main
from inference.detectors.stub import Stub
from inference.drift import LEAST, Verdict, check, one_of_each, spread
from inference.thresholds import Thresholds, calibrate
from tests.inference.pictures import picture, png, scratched, texture


def normals(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0, 0.2, count)


def test_scores_like_those_of_the_calibration_are_steady():
    found = check(calibrate(normals(0)), normals(1))
    assert found.verdict is Verdict.STEADY
    assert found.sentence.startswith("Steady: 200 recent parts score like the 200 held-out")
    assert abs(found.shift) < 0.3
    assert found.above_not_ok.low <= found.above_not_ok.recent <= found.above_not_ok.high


@pytest.mark.parametrize(("factor", "way"), [(1.2, "higher (odder)"), (0.8, "lower")])
def test_scores_that_moved_are_called_drifting_with_their_direction(factor, way):
    found = check(calibrate(normals(0)), normals(1) * factor)
    assert found.verdict is Verdict.DRIFTING
    assert way in found.sentence and "calibrate anew" in found.sentence
    assert np.sign(found.shift) == np.sign(factor - 1)


def test_a_spread_that_grew_is_drift_too():
    recent = np.random.default_rng(1).lognormal(0, 0.8, 200)
    recent /= np.median(recent)
    found = check(calibrate(normals(0) / np.median(normals(0))), recent)
    assert found.verdict is Verdict.DRIFTING and "their spread is not" in found.sentence


def test_few_parts_are_too_few_however_far_they_moved():
    groups = [f"part {index % (LEAST - 1)}" for index in range(500)]
    found = check(calibrate(normals(0)), normals(1, 500) * 9, groups)
    assert found.verdict is Verdict.TOO_FEW and found.recent == LEAST - 1
    assert "20 parts are needed" in found.sentence
    assert check(calibrate(normals(0, 9)), normals(1) * 9).verdict is Verdict.TOO_FEW


def test_a_certain_but_tiny_difference_is_steady():
    found = check(calibrate(normals(0, 8000)), normals(1, 8000) * 1.03)
    assert found.p_adjusted < 0.01 and found.verdict is Verdict.STEADY


def test_the_test_is_that_of_scipy_on_one_picture_a_part():
    thresholds = calibrate(normals(0))
    found = check(thresholds, normals(1) * 1.05)
    expected = ks_2samp(normals(1) * 1.05, normals(0))
    assert (found.gap, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))


@pytest.mark.parametrize("look", [1, 2, 50])
def test_later_looks_ask_for_more(look):
    thresholds, recent = calibrate(normals(0)), normals(1) * 1.07
    first, later = check(thresholds, recent), check(thresholds, recent, look=look)
    assert later.p_value == first.p_value <= first.p_adjusted <= later.p_adjusted <= 1


def test_a_steady_line_is_seldom_called_drifting_however_often_it_is_asked():
    rng, ever = np.random.default_rng(5), []
    for _ in range(60):
        thresholds = calibrate(rng.lognormal(0, 0.2, 100))
        verdicts = [check(thresholds, rng.lognormal(0, 0.2, 60), look=n + 1) for n in range(10)]
        ever.append(any(found.verdict is Verdict.DRIFTING for found in verdicts))
    assert np.mean(ever) <= 0.12


def test_many_pictures_of_few_parts_are_no_proof():
    rng = np.random.default_rng(3)
    recent = np.repeat(rng.lognormal(0.08, 0.2, 25), 40)
    groups = [f"part {index // 40}" for index in range(1000)]
    thresholds = calibrate(normals(0))
    assert check(thresholds, recent, groups).p_value > check(thresholds, recent).p_value
    assert check(thresholds, recent, groups).recent == 25


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 9))
def test_one_picture_of_each_part_is_taken(parts, seed):
    numbers = np.array(parts)
    chosen = one_of_each(numbers * 100.0 + np.arange(len(parts)), numbers, seed)
    assert sorted(int(score // 100) for score in chosen) == sorted(set(parts))


def test_the_spread_of_a_normal_law_is_its_standard_deviation():
    assert spread(np.random.default_rng(0).normal(3, 2, 20_000)) == pytest.approx(2, rel=0.03)


def test_an_artefact_without_parts_counts_as_many_as_it_had():
    groups = [f"part {index // 4}" for index in range(200)]
    new = calibrate(normals(0), groups)
    old = Thresholds.from_json({**new.as_json(), "parts": []})
    found = check(old, normals(1))
    assert found.calibration == 50 and found.verdict is Verdict.STEADY


@pytest.mark.parametrize(("scores", "look"), [([], 1), ([float("nan")], 1), ([1.0], 0)])
def test_senseless_scores_and_looks_are_refused(scores, look):
    with pytest.raises(ValueError, match="finite scores and a look"):
        check(calibrate([1.0]), scores, look=look)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A stub's artefact, a folder of parts like those it knows, and one of brighter parts."""
    folder = tmp_path_factory.mktemp("line")
    Stub.fit([picture(texture(seed)) for seed in range(30)], size=128).save(folder / "artefact")
    for name, gain in (("like", 1.0), ("bright", 1.3)):
        (folder / name).mkdir()
        for seed in range(100, 130):
            pixels = np.clip(texture(seed) * gain, 0, 255).astype(np.uint8)
            (folder / name / f"{seed}.png").write_bytes(png(pixels))
    return folder


def test_the_command_prints_one_json_object(line, capsys):
    command = ["drift", str(line / "artefact"), str(line / "bright"), "--json", "--look", "2"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "drifting" and found["look"] == 2 and found["pictures"] == 30
    assert set(found["above_not_ok"]) == {"recent", "low", "high", "calibration"}


def test_the_command_speaks_in_words(line, capsys):
    assert main(["drift", str(line / "artefact"), str(line / "like")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Steady: 30 recent parts") and "above_not_ok" in lines[-1]


def test_known_defects_and_training_pictures_are_not_compared(line, tmp_path, capsys):
    rows = ["path,split,label"]
    for number in range(60):
        pixels = scratched(number) if number < 20 else texture(number)
        (tmp_path / f"{number}.png").write_bytes(png(pixels))
        split, label = "train" if number >= 55 else "test", "defect" if number < 20 else "unknown"
        rows.append(f"{number}.png,{split},{label}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    assert main(["drift", str(line / "artefact"), str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 35 and found["verdict"] == "steady"


def test_a_folder_of_defects_alone_is_refused(line, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(png(scratched(1)))
    (tmp_path / "manifest.csv").write_text("path,split,label\na.png,test,defect\n")
    assert main(["drift", str(line / "artefact"), str(tmp_path)]) == 2
    assert "holds only defects" in capsys.readouterr().err
