import numpy as np
import pytest

import inference
from inference import runlengths
from inference.detectors.stub import Stub
from inference.judgement import Evaluation
from tests.inference.pictures import picture, png


def grey(level: int, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def with_spot(level: int = 250) -> np.ndarray:
    pixels = grey(40)
    pixels[8:24, 40:56] = level
    return pixels


@pytest.fixture(scope="module")
def stub():
    return Stub.fit([picture(grey(40 + n % 5)) for n in range(120)], size=64)


def test_a_dark_picture_is_ok(stub):
    judgement = stub.judge(png(grey(38)))
    assert judgement.evaluation is Evaluation.OK
    assert judgement.regions == []
    assert judgement.description == "No deviation from the normal reference was found."


def test_a_bright_spot_is_not_ok_and_is_found_where_it_is(stub):
    judgement = stub.judge(png(with_spot()))
    assert judgement.evaluation is Evaluation.NOT_OK
    (region,) = judgement.regions
    assert region.cell == "top right" and region.contrast > 0.3
    mask = runlengths.decode(region.counts, (64, 64))
    assert mask[16, 48] and not mask[48, 16]
    assert "at the top right" in judgement.description


def test_a_judgement_is_whole(stub):
    judgement = stub.judge(png(with_spot()))
    assert (judgement.width, judgement.height) == (64, 64)
    assert judgement.heatmap.shape == (8, 8) and judgement.heatmap.dtype == np.float16
    assert judgement.score == pytest.approx(float(judgement.heatmap.max()), abs=1e-3)
    assert set(judgement.timings_ms) == {"decode", "detect", "mask", "describe"}
    assert judgement.artefact == stub.artefact_sha256
    assert judgement.threshold_ok <= judgement.threshold_not_ok


def test_a_saved_stub_judges_as_before(stub, tmp_path):
    name = stub.save(tmp_path / "stub")
    again = inference.load(tmp_path / "stub")
    assert again.artefact_sha256 == name == stub.artefact_sha256
    assert again.judge(png(with_spot())).score == stub.judge(png(with_spot())).score


def test_the_same_pictures_give_the_same_artefact():
    pictures = [picture(grey(level)) for level in (10, 20, 30)]
    assert Stub.fit(pictures).artefact_sha256 == Stub.fit(pictures).artefact_sha256


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (1000, 40)])
def test_a_picture_of_any_size_is_judged(stub, shape):
    judgement = stub.judge(png(np.full((*shape, 3), 90, np.uint8)))
    assert (judgement.height, judgement.width) == shape
    assert judgement.score == pytest.approx(90 / 255, abs=1e-3)


def test_pictures_of_different_sizes_are_judged_together(stub):
    several = [picture(with_spot()), picture(grey(30, 32)), picture(grey(255, 100))]
    together = stub.judge_many(several)
    assert [j.evaluation.value for j in together] == ["not_ok", "ok", "not_ok"]
    assert stub.judge_many([]) == []
