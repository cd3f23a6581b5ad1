import json

import numpy as np
import pytest
import torch

import inference
from inference.detectors.memory import Memory
from inference.judgement import Evaluation
from inference.zoo import detector_class
from tests.inference.pictures import WEIGHTS, picture, png, scratched, texture


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory.fit([picture(texture(seed)) for seed in range(30)], size=256)


def test_a_good_part_is_not_called_bad(memory):
    evaluations = [memory.judge(png(texture(seed))).evaluation for seed in range(100, 112)]
    assert evaluations.count(Evaluation.NOT_OK) == 0
    assert evaluations.count(Evaluation.OK) >= 6


def test_a_scratch_is_found_where_it_is(memory):
    judgement = memory.judge(png(scratched(200)))
    assert judgement.evaluation is Evaluation.NOT_OK
    region = judgement.regions[0]
    x, y, w, h = region.bbox
    assert x < 90 < x + w and y < 86 < y + h
    assert region.cell in ("right", "bottom right") and region.contrast > 0.1
    assert judgement.heatmap.shape == (32, 32)


def test_one_is_the_score_of_the_median_normal(memory):
    assert np.median(memory.thresholds.calibration) == pytest.approx(1.0, rel=1e-6)


def test_a_score_is_never_above_its_heat_map(memory):
    for sighting in memory.see([picture(scratched(1)), picture(texture(2)), picture(texture(3))]):
        assert sighting.score <= sighting.heat.max() + 1e-6


def test_a_saved_memory_judges_as_before(memory, tmp_path):
    name = memory.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    assert again.artefact_sha256 == name == memory.artefact_sha256
    before, after = memory.judge(png(scratched(3))), again.judge(png(scratched(3)))
    assert after.score == pytest.approx(before.score, rel=1e-6)
    assert np.array_equal(after.heatmap, before.heatmap)
    assert after.regions == before.regions


def test_the_same_pictures_and_seed_give_the_same_artefact():
    pictures = [picture(texture(seed)) for seed in range(8)]
    first = Memory.fit(pictures, size=64, seed=3)
    assert Memory.fit(pictures, size=64, seed=3).artefact_sha256 == first.artefact_sha256
    assert Memory.fit(pictures, size=64, seed=4).artefact_sha256 != first.artefact_sha256


def test_judging_together_is_judging_one_by_one(memory):
    several = [picture(scratched(5)), picture(texture(6, 96)), picture(texture(7, 200))]
    together = memory.judge_many(several)
    alone = [memory.judge_many([one])[0] for one in several]
    for one, other in zip(together, alone, strict=True):
        assert one.score == pytest.approx(other.score, rel=1e-4)
        assert one.evaluation is other.evaluation
        assert (one.width, one.height) == (other.width, other.height)
    assert memory.judge_many([]) == []


def test_what_a_reviewer_calls_normal_is_normal_from_then_on(memory):
    odd = scratched(9)
    assert memory.judge(png(odd)).evaluation is Evaluation.NOT_OK
    taught = memory.add([picture(odd)])
    assert taught.judge(png(odd)).evaluation is Evaluation.OK
    assert taught.artefact_sha256 != memory.artefact_sha256
    assert memory.judge(png(odd)).evaluation is Evaluation.NOT_OK, "the former one is untouched"


def test_a_larger_memory_never_raises_a_score(memory):
    taught = memory.add([picture(scratched(10)), picture(texture(11))])
    for seed in range(20, 26):
        (before,), (after,) = (
            memory.see([picture(scratched(seed))]),
            taught.see([picture(scratched(seed))]),
        )
        assert (after.heat <= before.heat + 1e-4).all()


def test_pictures_of_one_part_promise_no_more_than_one():
    pictures = [picture(texture(seed)) for seed in range(12)]
    fitted = Memory.fit(pictures, [f"part {index // 4}" for index in range(12)], size=64)
    assert fitted.thresholds.independent == 3
    assert fitted.about()["thresholds"]["promise"].startswith("with 3 held-out normals")


@pytest.mark.parametrize("groups", [["a"] * 3, None])
def test_one_part_is_too_little_to_fit_on(groups):
    pictures = [picture(texture(seed)) for seed in range(3 if groups else 1)]
    with pytest.raises(ValueError, match="at least two good parts"):
        Memory.fit(pictures, groups, size=64)


def test_the_artefact_is_plain_json_and_tells_what_it_is(memory):
    about = json.loads(json.dumps(memory.about()))
    assert about["detector"] == "memory" and about["backbone"]["name"] == "builtin"
    assert about["size"] == 256 and about["pictures"] == 30


def test_progress_is_told_for_every_picture_and_every_fold():
    told = []
    Memory.fit(
        [picture(texture(seed)) for seed in range(4)],
        size=64,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[:4] == [(1, 8), (2, 8), (3, 8), (4, 8)]
    assert told == sorted(told)
    assert told[-1] == (8, 8)


@pytest.mark.real
def test_an_artefact_carries_its_trained_backbone_with_it(tmp_path):
    if not WEIGHTS.is_file():
        pytest.skip("no trained backbone on this machine")
    copy = tmp_path / "weights.safetensors"
    copy.write_bytes(WEIGHTS.read_bytes())
    pictures = [picture(texture(seed)) for seed in range(6)]
    name = f"timm:mobilenetv2_100@{copy}"
    fitted = detector_class("memory").fit(pictures, backbone=name, size=128)
    fitted.save(tmp_path / "a")
    copy.unlink()
    again = inference.load(tmp_path / "a")
    image = png(scratched(1))
    assert again.judge(image).score == pytest.approx(fitted.judge(image).score, rel=1e-5)
    assert again.judge(image).evaluation is Evaluation.NOT_OK
    assert str(tmp_path) not in (tmp_path / "a" / "config.json").read_text()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_the_gpu_sees_what_the_cpu_sees(memory, tmp_path):
    memory.save(tmp_path / "a")
    on_gpu = inference.load(tmp_path / "a", device="cuda")
    assert on_gpu.judge(png(scratched(1))).score == pytest.approx(
        memory.judge(png(scratched(1))).score, rel=1e-3
    )
