import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

import inference
from inference.backbones.clip_family import open_pair
from inference.cli.main import main
from inference.detectors.zeroshot import ZeroShot
from inference.judgement import Evaluation
from inference.labelled import Labelled
from inference.language.prompts import generate, generic
from inference.text import regiontypes
from inference.text.bank import TextBank
from inference.text.maskfusion import Fusion
from inference.text.shots import unlike
from inference.text.sight import Eyes
from inference.zoo import UnknownName, detector_class
from tests.inference import tinymodels
from tests.inference.pictures import picture, png, scratched, texture

PROMPTS = generate("panel", {"scratch": "a thin bright line", "blob": "a dark round spot"})


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    return tinymodels.clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def pair(clip):
    return open_pair(clip)


@pytest.fixture(scope="module")
def eyes(pair) -> Eyes:
    return Eyes(pair.sight, TextBank.of(pair.text, PROMPTS, pair.temperature))


def good(count: int = 8) -> list:
    return [picture(texture(seed)) for seed in range(count)]


def bad(count: int, code: str = "scratch", group: str = "") -> list[Labelled]:
    """Scratched panels; their masks are where the bar is."""
    pixels = [scratched(seed) for seed in range(50, 50 + count)]
    return [
        Labelled(picture=picture(one), defect_type=code, mask=(one[:, :, 0] == 235), group=group)
        for one in pixels
    ]


@pytest.fixture(scope="module")
def few(clip) -> ZeroShot:
    return ZeroShot.fit(good(), backbone=clip, size=128, prompts=PROMPTS)


@pytest.fixture(scope="module")
def taught(clip) -> ZeroShot:
    groups = ["one", "one", "two", "two"]  # two folds, so that two enhancers suffice
    return ZeroShot.fit(good(4), groups, backbone=clip, size=128, prompts=PROMPTS, defects=bad(3))


def suspicious(detector: ZeroShot) -> bytes:
    """A picture that is not a clear pass: what a random network minds is found by looking."""
    for seed in range(40):
        noise = np.random.default_rng(seed).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        noise[:, : seed * 3] = 255
        if detector.judge(png(noise)).regions:
            return png(noise)
    raise AssertionError("no picture was suspicious")


def test_the_text_map_is_what_a_plain_loop_gives(eyes):
    small = np.stack([scratched(1, 64), texture(2, 64)])
    found = eyes.look(small, []).text
    seen = eyes.sight.see(torch.from_numpy(small).permute(0, 3, 1, 2))
    assert found.shape == (2, 4, 4)
    for n in range(2):
        for y in range(4):
            for x in range(4):
                likely = []
                for layer in seen.joint:
                    cosines = [float(layer[n, y, x] @ state) for state in eyes.text.states]
                    powers = [np.exp(cosine / eyes.text.temperature) for cosine in cosines]
                    likely.append(powers[1] / sum(powers))
                assert found[n, y, x] == pytest.approx(np.mean(likely), abs=1e-4)


def test_the_few_shot_map_is_what_a_plain_loop_gives(eyes):
    seen = eyes.sight.see(torch.from_numpy(np.stack([scratched(1, 64)])).permute(0, 3, 1, 2))
    known = eyes.sight.see(torch.from_numpy(np.stack([texture(2, 64)])).permute(0, 3, 1, 2))
    bank = [torch.nn.functional.normalize(level.flatten(0, 2), dim=-1) for level in known.levels]
    found = unlike(bank, seen.levels)
    for y in range(4):
        for x in range(4):
            total = 0.0
            for level, rows in zip(seen.levels, bank, strict=True):
                patch = level[0, y, x] / level[0, y, x].norm()
                total += 1 - max(float(patch @ row) for row in rows)
            assert float(found[0, y, x]) == pytest.approx(total, abs=1e-4)


def test_a_patch_that_is_in_the_bank_is_like_the_bank(few):
    look = few.eyes.look(np.stack([one.pixels for one in good(2)]), few.bank)
    assert look.memory is not None and look.memory.max() < 5e-3


def test_a_text_bank_holds_a_direction_for_each_type(pair):
    bank = TextBank.of(pair.text, PROMPTS, 0.07)
    assert bank.states.shape == (2, 32) and bank.types.shape == (2, 32)
    assert bank.codes == ("scratch", "blob")
    assert torch.allclose(bank.categories.norm(dim=1), torch.ones(4), atol=1e-5)
    plain = TextBank.of(pair.text, generic("panel"), 0.07)
    assert torch.equal(plain.states[0], bank.states[0])
    assert not torch.equal(plain.states[1], bank.states[1])
    assert plain.ranked(bank.types[0], 0.1) == []


def test_the_nearest_type_comes_first_and_all_add_up_to_one(pair):
    bank = TextBank.of(pair.text, PROMPTS, 0.07)
    ranked = bank.ranked(bank.types[1], 0.01)
    assert [one.code for one in ranked] == ["blob", "scratch"]
    assert sum(one.probability for one in ranked) == pytest.approx(1)


def test_the_place_of_a_mask_is_the_mean_of_its_patches():
    features = torch.zeros(4, 4, 3)
    features[:2, :, 0], features[2:, :, 1] = 1, 1
    mask = np.zeros((64, 64), bool)
    mask[40:50, 3:30] = True
    assert regiontypes.pooled(features, mask).tolist() == pytest.approx([0, 1, 0])
    whole = regiontypes.pooled(features, np.zeros((64, 64), bool)).tolist()
    assert whole == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_a_temperature_is_calibrated_when_there_are_defects_enough():
    types = torch.eye(2)
    unsure = torch.tensor([[0.71, 0.70], [0.70, 0.71]] * 6)
    truth = [0, 1] * 4 + [1, 0] * 2  # right twice out of three
    assert regiontypes.temperature(unsure[:8], truth[:8], types, 0.01) == 0.01
    warm = regiontypes.temperature(unsure, truth, types, 0.01)
    cold = regiontypes.temperature(unsure, [0, 1] * 6, types, 0.01)
    assert warm > 0.01 > cold


def test_a_map_counts_in_the_unit_of_its_own_spread():
    rng = np.random.default_rng(0)
    memory = rng.normal(0.3, 0.1, (20, 8, 8)).astype(np.float32)
    fusion, normal = Fusion.of({"memory": memory, "text": memory * 2 + 5})
    assert np.median(normal) == pytest.approx(1)
    hot = np.full((1, 8, 8), 0.9, np.float32)
    cool = np.full((1, 8, 8), 0.3, np.float32)
    by_memory = fusion.heat({"memory": hot, "text": cool * 2 + 5})
    by_text = fusion.heat({"memory": cool, "text": hot * 2 + 5})
    assert by_memory[0, 4, 4] == pytest.approx(2 * by_text[0, 4, 4], rel=0.05)
    with pytest.raises(ValueError, match=r"fitted on \['memory', 'text'\]"):
        fusion.heat({"memory": hot})


def test_a_head_counts_as_much_as_the_memory():
    same = np.random.default_rng(1).random((5, 8, 8)).astype(np.float32)
    maps = {"memory": same, "head": same.copy(), "text": same.copy()}
    fusion, _ = Fusion.of(maps)
    hot = (
        {name: same + (name == "memory") for name in maps},
        {name: same + (name == "head") for name in maps},
    )
    assert np.allclose(fusion.heat(hot[0]), fusion.heat(hot[1]))


def test_fusion_never_falls_when_a_map_grows():
    rng = np.random.default_rng(2)
    maps = {name: rng.random((4, 8, 8)).astype(np.float32) for name in ("text", "memory")}
    fusion, _ = Fusion.of(maps)
    more = {**maps, "text": maps["text"] + rng.random((4, 8, 8)).astype(np.float32)}
    assert (fusion.heat(more) >= fusion.heat(maps) - 1e-6).all()


def test_a_judgement_is_on_the_scale_of_its_heat_map(few):
    for sighting in few.see([picture(scratched(1)), picture(texture(2, 200))]):
        assert sighting.heat.shape == (8, 8) and sighting.heat.dtype == np.float32
        assert 0 <= sighting.score <= sighting.heat.max() + 1e-6
    assert np.median(few.thresholds.calibration) == pytest.approx(1, rel=1e-5)
    assert few.thresholds.independent == 8


def test_a_saved_detector_judges_as_before(few, tmp_path):
    name = few.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    assert again.artefact_sha256 == name == few.artefact_sha256
    image = suspicious(few)
    before, after = few.judge(image), again.judge(image)
    assert after.score == pytest.approx(before.score, rel=1e-6)
    assert np.array_equal(after.heatmap, before.heatmap)
    assert after.regions == before.regions and after.description == before.description


def test_a_detector_that_was_taught_is_saved_whole(taught, tmp_path):
    assert taught.config["enhancers"] == 2 and taught.config["defects"] == 3
    taught.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    image = png(scratched(9))
    assert again.judge(image).score == pytest.approx(taught.judge(image).score, rel=1e-6)


def test_an_artefact_holds_no_text_tower(few):
    names = set(few.tensors())
    assert not any("token_embedding" in name for name in names)
    assert {"text.states", "text.types", "bank.0", "bank.3"} <= names
    assert sum(value.nbytes for value in few.tensors().values()) < 2_000_000


def test_each_region_gets_its_likely_types(few):
    judgement = few.judge(suspicious(few))
    assert judgement.evaluation is not Evaluation.OK
    for region in judgement.regions:
        assert {one.code for one in region.candidates} == {"scratch", "blob"}
        chances = [one.probability for one in region.candidates]
        assert sum(chances) == pytest.approx(1) and chances == sorted(chances, reverse=True)
    first = judgement.regions[0].candidates[0]
    if first.probability >= 0.5:
        assert f"probable {first.code}" in judgement.description
    assert set(judgement.timings_ms) == {"decode", "detect", "mask", "describe", "name"}


def test_without_a_catalogue_no_type_is_named(clip):
    plain = ZeroShot.fit(good(), backbone=clip, size=128)
    judgement = plain.judge(suspicious(plain))
    assert judgement.regions and all(region.candidates == [] for region in judgement.regions)


def test_the_same_pictures_and_seed_give_the_same_artefact(clip, few):
    again = ZeroShot.fit(good(), backbone=clip, size=128, prompts=PROMPTS)
    assert again.artefact_sha256 == few.artefact_sha256
    other = ZeroShot.fit(good(), backbone=clip, size=128, prompts=generate("panel", {}))
    assert other.artefact_sha256 != few.artefact_sha256


def test_one_good_part_is_judged_by_text_alone(clip):
    for pictures, groups in ((good(1), None), (good(3), ["a"] * 3)):
        alone = ZeroShot.fit(pictures, groups, backbone=clip, size=128, defects=bad(2))
        assert alone.bank == [] and alone.committee == ()
        assert alone.thresholds.independent == 1
        assert (
            "with 1 held-out normal: false calls <= 95 %" in alone.about()["thresholds"]["promise"]
        )
        assert alone.judge(png(scratched(1))).score >= 0


def test_nothing_is_promised_on_nothing(clip):
    with pytest.raises(ValueError, match="at least one picture of a good part"):
        ZeroShot.fit([], backbone=clip)


def test_a_backbone_without_text_is_refused():
    with pytest.raises(UnknownName, match="'builtin' knows no text"):
        ZeroShot.fit(good(1))


def test_a_part_that_shows_its_defect_teaches_nobody_who_judges_it(clip):
    groups = ["one", "one", "two", "two"]
    detector = ZeroShot.fit(good(4), groups, backbone=clip, size=64, defects=bad(2, group="one"))
    assert detector.committee == (), "one fold would be left without a defect to learn from"


def test_types_of_confirmed_defects_are_known_without_a_description(clip):
    detector = ZeroShot.fit(good(1), backbone=clip, size=64, defects=bad(1, "bent_edge"))
    assert detector.config["types"] == ["bent_edge"]


def test_held_out_normals_are_no_less_odd_than_the_finished_detector_finds_them(few, taught):
    for detector, count in ((few, 8), (taught, 4)):
        whole = sorted(sighting.score for sighting in detector.see(good(count)))
        held_out = detector.thresholds.calibration
        assert all(w <= h + 1e-4 for w, h in zip(whole, held_out, strict=True))


def test_a_larger_picture_set_than_the_folds_is_cut_by_part(clip):
    fitted = ZeroShot.fit(good(6), ["a", "a", "b", "b", "c", "c"], backbone=clip, size=64)
    assert fitted.thresholds.independent == 3 and len(fitted.bank) == 4


def test_an_evaluation_is_told_what_was_learnt_from(clip):
    defects = [replace(one, sha256=f"{n}") for n, one in enumerate(bad(2))]
    about = ZeroShot.fit(good(1), backbone=clip, size=64, defects=defects).about()
    assert (about["defects"], about["learnt"], about["seen_types"]) == (2, ["0", "1"], ["scratch"])


def test_the_command_line_reads_prompts(clip, tmp_path, capsys):
    for number, one in enumerate(good(3)):
        (tmp_path / "train" / "good").mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / "good" / f"{number}.png").write_bytes(png(one.pixels))
    (tmp_path / "p.json").write_text('{"product": "nut", "defects": {"crack": "a dark line"}}')
    wanted = ["--detector", "zeroshot", "--backbone", clip, "--size", "64"]
    out = ["--out", str(tmp_path / "a"), "--prompts", str(tmp_path / "p.json")]
    assert main(["fit", str(tmp_path), *wanted, *out]) == 0
    assert "zeroshot from 3 pictures" in capsys.readouterr().out
    assert inference.load(tmp_path / "a", device="cpu").about()["types"] == ["crack"]


def test_progress_is_told_to_the_end(clip):
    told = []
    ZeroShot.fit(good(4), backbone=clip, size=64, progress=lambda d, n: told.append((d, n)))
    assert told[0] == (1, 12) and told[-1] == (12, 12)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_zoo_knows_it():
    assert detector_class("zeroshot") is ZeroShot


def test_its_config_is_plain_json(few, tmp_path):
    about = json.loads(json.dumps(few.about()))
    assert about["prompts"]["product"] == "panel" and about["detector"] == "zeroshot"
    assert str(tmp_path.parent) not in json.dumps(about)
    assert about["backbone"]["name"] == "open_clip:tiny-clip/clip.safetensors"


def test_pictures_judged_together_are_judged_alone(few):
    several = [picture(scratched(5)), picture(cv2.resize(texture(6), (90, 200)))]
    together = few.judge_many(several)
    for one, judged in zip(several, together, strict=True):
        assert few.judge_many([one])[0].score == pytest.approx(judged.score, rel=1e-4)
    assert few.judge_many([]) == []
