import json
from dataclasses import replace

import numpy as np
import pytest

import inference
from inference.bank import Bank, Level
from inference.detectors.fusion import Fusion
from inference.judgement import Evaluation
from inference.pipeline import Sighting
from inference.zoo import detector_class
from tests.inference.pictures import picture, png
from tests.inference.test_head import DEFECTS, NORMALS, defect, good

TOLD: list[tuple[int, int]] = []


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    def tell(done: int, total: int) -> None:
        TOLD.append((done, total))

    return Fusion.fit(NORMALS, size=64, defects=DEFECTS, progress=tell)


def spotted(seed: int) -> np.ndarray:
    """A type that nobody confirmed: a dark, round spot at the upper left."""
    pixels = good(seed).copy()
    rows, columns = np.ogrid[:64, :64]
    pixels[(rows - 40) ** 2 + (columns - 40) ** 2 < 50] = 20
    return pixels


def evaluations(fusion: Fusion, sightings: list[Sighting]) -> list[Evaluation]:
    return [fusion.thresholds.evaluation(one.score) for one in sightings]


def test_a_confirmed_type_is_found(fusion):
    found = fusion.see([defect(seed).picture for seed in range(300, 304)])
    assert evaluations(fusion, found) == [Evaluation.NOT_OK] * 4


def test_a_type_that_nobody_confirmed_is_found_where_it_is(fusion):
    found = fusion.see([picture(spotted(seed)) for seed in range(310, 314)])
    assert evaluations(fusion, found) == [Evaluation.NOT_OK] * 4
    for one in found:
        row, column = np.unravel_index(one.heat.argmax(), one.heat.shape)
        assert abs(8 * row + 4 - 40) <= 12 and abs(8 * column + 4 - 40) <= 12


def test_good_parts_are_called_bad_no_more_often_than_promised(fusion):
    found = evaluations(fusion, fusion.see([picture(good(seed)) for seed in range(400, 440)]))
    promised = float(fusion.thresholds.promise.split("<= ")[1].split(" ")[0]) / 100
    assert found.count(Evaluation.NOT_OK) <= promised * len(found)


def test_a_part_that_is_not_ok_always_has_a_region(fusion):
    for one in fusion.see([defect(1).picture, picture(spotted(2)), picture(good(3))]):
        assert one.score <= one.heat.max() and one.heat.min() >= 0
    assert fusion.judge(png(spotted(5))).regions


def test_both_members_were_calibrated_on_what_neither_had_seen(fusion):
    members = fusion.about()["members"]
    assert members["memory"]["pictures"] == 16, "it knows the held-out ones too, by now"
    assert fusion.thresholds.independent == 4
    assert fusion.about()["thresholds"]["promise"].startswith("with 4 held-out normals")
    assert np.median(fusion.thresholds.calibration) == pytest.approx(1.0, rel=1e-6)


def test_knowing_the_held_out_normals_can_only_lower_a_score(fusion):
    known = fusion.memory.bank
    halves = [Level(level.rows[::2], level.source[::2]) for level in known.levels]
    before = replace(fusion, memory=replace(fusion.memory, bank=Bank(halves, known.place_weight)))
    pictures = [picture(good(seed)) for seed in range(420, 424)]
    for more, less in zip(fusion.see(pictures), before.see(pictures), strict=True):
        assert more.score <= less.score + 1e-5


def test_a_part_that_a_reviewer_calls_normal_is_known_at_once(fusion):
    odd = [picture(spotted(seed)) for seed in range(330, 334)]
    more = fusion.add(odd)
    for old, new in zip(fusion.see(odd), more.see(odd), strict=True):
        assert new.score < old.score
    for old, new in zip(fusion.memory.see(odd), more.memory.see(odd), strict=True):
        assert new.score < old.score / 2, "the head has learnt nothing of it yet"
    assert more.thresholds == fusion.thresholds
    assert more.about()["members"]["memory"]["pictures"] == 20


def test_a_saved_fusion_judges_as_before_and_holds_one_backbone(fusion, tmp_path):
    name = fusion.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    assert again.artefact_sha256 == name == fusion.artefact_sha256
    image = png(spotted(6))
    assert again.judge(image).score == pytest.approx(fusion.judge(image).score, rel=1e-6)
    assert np.array_equal(again.judge(image).heatmap, fusion.judge(image).heatmap)
    assert not [key for key in fusion.tensors() if key.startswith("head.backbone")]


def test_it_says_what_it_has_learnt(fusion):
    about = json.loads(json.dumps(fusion.about()))
    assert about["learnt"] == sorted(f"sha {seed}" for seed in range(50, 55))
    assert about["seen_types"] == ["scratch"] and about["detector"] == "fusion"
    assert about["backbone"]["name"] == "builtin" and about["size"] == 64


def test_its_name_is_known():
    assert detector_class("fusion") is Fusion


def test_progress_never_goes_back_and_comes_to_its_end(fusion):
    assert sorted(TOLD) == TOLD and TOLD[-1] == (400, 400)
