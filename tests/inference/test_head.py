import json

import numpy as np
import pytest
import torch

import inference
from inference.detectors.head import Head
from inference.judgement import Evaluation
from inference.labelled import Labelled
from inference.learning import trainer
from inference.learning.checkpoint import BadCheckpoint
from inference.learning.confirmed import Confirmed
from inference.learning.decoder import Decoder, loss, targets
from inference.learning.lessons import Course, Lessons
from inference.learning.parting import parted
from tests.inference.pictures import picture, png, scratched, texture

CPU = torch.device("cpu")


class Stopped(Exception):
    """The machine went away."""


def defect(seed: int, size: int = 64, **changes: object) -> Labelled:
    pixels = scratched(seed, 128)[64:, 64:]
    given = {"picture": picture(pixels), "mask": pixels[:, :, 0] == 235, "defect_type": "scratch"}
    return Labelled(**{**given, "sha256": f"sha {seed}", **changes})


def good(seed: int) -> np.ndarray:
    return texture(seed, 128)[64:, 64:]


NORMALS = [picture(good(seed)) for seed in range(16)]
DEFECTS = [defect(seed) for seed in range(50, 55)]


@pytest.fixture(scope="module")
def head() -> Head:
    return Head.fit(NORMALS, size=64, defects=DEFECTS)


def test_a_confirmed_defect_is_found_where_it_is(head):
    for seed in (300, 301, 302):
        (sighting,) = head.see([defect(seed).picture])
        row, column = np.unravel_index(sighting.heat.argmax(), sighting.heat.shape)
        assert 1 <= row <= 4 and 0 <= column <= 6, "the scratch is at 16-28, 6-46 of 64"
        assert head.thresholds.evaluation(sighting.score) is Evaluation.NOT_OK


def test_a_good_part_stays_good(head):
    sightings = head.see([picture(good(seed)) for seed in range(400, 410)])
    evaluations = [head.thresholds.evaluation(one.score) for one in sightings]
    assert evaluations.count(Evaluation.NOT_OK) == 0
    assert all(one.score <= one.heat.max() + 1e-6 and one.heat.min() >= 0 for one in sightings)


def test_the_thresholds_come_from_held_out_normals(head):
    assert head.thresholds.independent == len(head.thresholds.calibration) == 4
    assert head.about()["thresholds"]["promise"].startswith("with 4 held-out normals")
    assert np.median(head.thresholds.calibration) == pytest.approx(1.0, rel=1e-6)


def test_it_says_what_it_has_learnt(head):
    about = json.loads(json.dumps(head.about()))
    assert about["learnt"] == sorted(f"sha {seed}" for seed in range(50, 55))
    assert about["seen_types"] == ["scratch"] and about["defects"] == 5
    assert about["detector"] == "head" and about["pictures"] == 16


def test_a_saved_head_judges_as_before(head, tmp_path):
    name = head.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    image = png(defect(303).picture.pixels)
    assert again.artefact_sha256 == name == head.artefact_sha256
    assert np.array_equal(again.judge(image).heatmap, head.judge(image).heatmap)
    assert again.judge(image).score == pytest.approx(head.judge(image).score, rel=1e-6)


def test_judging_together_is_judging_one_by_one(head):
    several = [defect(1).picture, picture(good(2)), picture(texture(3, 96))]
    for one, alone in zip(head.see(several), (head.see([one])[0] for one in several), strict=True):
        assert one.score == pytest.approx(alone.score, rel=1e-4)
    assert head.judge_many([]) == []


def test_a_fit_that_was_stopped_ends_like_one_that_was_not(head, tmp_path):
    path, told = tmp_path / "state", []

    def until_a_third(done: int, total: int) -> None:
        told.append(done)
        if done > 0.72 * total:
            raise Stopped

    with pytest.raises(Stopped):
        Head.fit(NORMALS, size=64, defects=DEFECTS, checkpoint=path, progress=until_a_third)
    assert path.is_file() and told == sorted(told)
    resumed = Head.fit(NORMALS, size=64, defects=DEFECTS, checkpoint=path)
    assert resumed.artefact_sha256 == head.artefact_sha256, "not one bit differs"


def test_a_checkpoint_of_another_fit_is_refused(tmp_path):
    path = tmp_path / "state"
    course = lessons(0)
    again = {"seed": 0, "device": CPU, "progress": quiet, "path": path, "epochs": 1}
    trainer.taught(course, course, **again, fingerprint="a")
    with pytest.raises(BadCheckpoint, match="other pictures, weights or settings"):
        trainer.taught(course, course, **again, fingerprint="b")
    path.write_bytes(b"{}")
    with pytest.raises(BadCheckpoint, match="is not a checkpoint"):
        trainer.taught(course, course, **again, fingerprint="a")
    again["path"] = tmp_path / "no" / "state"
    with pytest.raises(BadCheckpoint, match="cannot be written"):
        trainer.taught(course, course, **again, fingerprint="a")


def quiet(_done: int, _total: int) -> None:
    pass


def lessons(seed: int) -> Course:
    """Features in which the third channel is the defect."""
    rng = np.random.default_rng(seed)
    kinds = []
    for defective in (False, True):
        truth = torch.from_numpy(rng.random((12, 4, 4)) < (0.2 if defective else 0))
        values = torch.from_numpy(rng.normal(size=(12, 4, 4, 3)).astype(np.float16)) / 4
        values[..., 2] += truth.half() * 2
        kinds.append(Lessons([values], truth))
    return Course(kinds)


def test_a_decoder_goes_on_where_it_was_stopped(tmp_path):
    given = {"seed": 4, "device": CPU, "epochs": 5}
    whole = trainer.taught(lessons(1), lessons(2), **given, progress=quiet)
    path = tmp_path / "state"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        trainer.taught(lessons(1), lessons(2), **given, progress=stop, path=path)
    resumed = trainer.taught(lessons(1), lessons(2), **given, progress=quiet, path=path)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    levels, truth = lessons(3).kinds[1].batch(np.arange(12), CPU)
    assert ((whole(levels) > 0) == (truth > 0)).float().mean() > 0.9


def test_teaching_leaves_the_chance_of_others_alone():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    trainer.taught(lessons(1), lessons(2), seed=0, device=CPU, progress=quiet, epochs=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_any_defect_made_up_ones_are_enough_for_a_plain_scratch():
    fitted = Head.fit(NORMALS, size=64)
    assert fitted.about()["learnt"] == [] and fitted.about()["seen_types"] == []
    bad = [one.score for one in fitted.see([defect(seed).picture for seed in range(6)])]
    fine = [one.score for one in fitted.see([picture(good(seed)) for seed in range(500, 506)])]
    assert np.median(bad) > max(fine)


def test_a_perfect_answer_costs_next_to_nothing():
    truth = torch.zeros(2, 8, 8)
    truth[0, 2:4, 2:4] = 1
    sure = (truth * 2 - 1) * 20
    assert loss(sure, truth) < 0.01 < 1 < loss(-sure, truth)


def test_the_smallest_mask_keeps_a_place():
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 5, 5] = True
    assert targets(masks, (8, 8)).sum(dim=(1, 2)).tolist() == [1, 0]


def test_levels_of_different_grids_meet_on_the_finest():
    levels = [torch.zeros(2, 8, 8, 3), torch.zeros(2, 4, 4, 5)]
    assert Decoder([3, 5])(levels).shape == (2, 8, 8)


def test_a_picture_without_a_place_is_named_but_teaches_nothing():
    nothing = np.zeros((64, 64), bool)
    given = [defect(1), defect(2, mask=None), defect(3, mask=nothing, defect_type="")]
    found = Confirmed.of(given, 64)
    assert len(found) == 1 and found.as_config()["learnt"] == ["sha 1", "sha 2", "sha 3"]
    assert len(Confirmed.of([], 64)) == 0


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="the size of its picture"):
        Confirmed.of([defect(1, mask=np.ones((32, 64), bool))], 64)


def test_no_group_is_on_two_sides():
    groups = [f"part {index // 3}" for index in range(60)]
    bad = ["part 1", "part 1", "part 7", "elsewhere", ""]
    found = parted(groups, bad, seed=3)
    sides = {}
    for index, group in enumerate(groups):
        side = (bool(found.calibrating[index]), bool(found.validating[index]))
        assert sides.setdefault(group, side) == side
    for group, validating in zip(bad, found.defects_validating, strict=True):
        calibrating, with_it = sides.get(group, (False, bool(validating)))
        assert not calibrating and with_it == validating
    assert found.teaching.any() and found.calibrating.sum() == 12, "a quarter of 18 good parts"


@pytest.mark.parametrize(
    ("groups", "bad"),
    [(["a"] * 4 + ["b"] * 4, []), (["a", "b", "c"], ["a", "b", "c"]), (["a"] * 9, ["x"])],
)
def test_too_few_parts_are_refused(groups, bad):
    with pytest.raises(ValueError, match="at least three good parts"):
        parted(groups, bad, seed=0)
