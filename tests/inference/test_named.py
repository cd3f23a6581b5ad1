from dataclasses import fields

import numpy as np
import pytest

import inference
from inference.backbones import open_backbone
from inference.detectors.memory import Memory
from inference.detectors.named import Named, as_found
from inference.detectors.stub import Stub
from inference.judgement import Evaluation
from inference.labelled import Labelled
from inference.namers.namer import UNKNOWN
from inference.namers.prototypes import Prototypes
from tests.inference.pictures import picture, png, scratched, texture


def bar(seed: int) -> Labelled:
    """The bright bar of ``scratched``."""
    pixels = scratched(seed)
    return Labelled(picture=picture(pixels), defect_type="Kratzer", mask=pixels[:, :, 0] == 235)


def hole(seed: int) -> Labelled:
    """A bright square with a chequered inside."""
    rng = np.random.default_rng(seed)
    pixels = texture(seed)
    y, x = rng.integers(10, 70, 2)
    mask = np.zeros((128, 128), bool)
    mask[y : y + 40, x : x + 40] = True
    chequer = 255 * (np.indices((128, 128)).sum(axis=0) // 4 % 2)
    pixels[mask] = chequer[mask][:, None]
    return Labelled(picture=picture(pixels), defect_type="Loch", mask=mask)


DEFECTS = [make(seed) for make in (bar, hole) for seed in range(300, 308)]


@pytest.fixture(scope="module")
def memory() -> Memory:
    return Memory.fit([picture(texture(seed)) for seed in range(20)], size=128)


@pytest.fixture(scope="module")
def named(memory) -> Named:
    return Named.of(memory, Prototypes.fit(DEFECTS, open_backbone("builtin"), size=64))


def test_a_region_gets_candidates_and_the_words_say_so(named):
    judgement = named.judge(png(scratched(900)))
    first = judgement.regions[0].candidates
    assert sum(c.probability for c in first) == pytest.approx(1)
    assert {c.code for c in first} == {"Kratzer", "Loch", UNKNOWN}
    assert "name" in judgement.timings_ms and "decode" in judgement.timings_ms
    assert UNKNOWN not in judgement.description


def test_what_is_seen_and_decided_stays_the_detectors(memory, named):
    for seed in (400, 401):
        before, after = memory.judge(png(scratched(seed))), named.judge(png(scratched(seed)))
        assert after.evaluation is before.evaluation and after.score == before.score
        assert np.array_equal(after.heatmap, before.heatmap)
        assert [r.bbox for r in after.regions] == [r.bbox for r in before.regions]
        assert after.threshold_ok == before.threshold_ok


def test_a_good_part_is_never_shown_to_the_namer(named):
    judgements = named.judge_many([picture(texture(seed)) for seed in range(100, 106)])
    good = [j for j in judgements if j.evaluation is Evaluation.OK]
    assert good
    for judgement in good:
        assert judgement.regions == [] and "name" not in judgement.timings_ms
    assert named.judge_many([]) == []


def test_a_saved_one_judges_as_before(named, tmp_path):
    name = named.save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    assert again.artefact_sha256 == name == named.artefact_sha256
    before, after = named.judge(png(scratched(7))), again.judge(png(scratched(7)))
    assert after.regions == before.regions and after.description == before.description
    assert after.artefact == name


def test_what_callers_read_is_still_at_the_top(memory, named):
    about = named.about()
    assert about["detector"] == "named" and about["named"] == "memory"
    for key in ("thresholds", "size", "backbone", "pictures"):
        assert about[key] == memory.about()[key]
    assert about["namer"]["types"] == ["Kratzer", "Loch"]


def test_teaching_again_replaces_the_names(named):
    other = Prototypes.fit(DEFECTS[:8], open_backbone("builtin"), size=64)
    again = Named.of(named, other)
    assert again.about()["namer"]["types"] == ["Kratzer"] and again.detector is named.detector


def test_a_detector_without_a_network_can_be_given_names(tmp_path):
    stub = Stub.fit([picture(texture(seed)) for seed in range(6)], size=128)
    builtin = open_backbone("builtin")
    namer = Prototypes.fit(DEFECTS, builtin, size=64, by=as_found(stub))
    Named.of(stub, namer).save(tmp_path / "a")
    again = inference.load(tmp_path / "a", device="cpu")
    found = again.judge(png(scratched(3)))
    assert found.regions[0].candidates[0].code == "Kratzer"
    assert "probable Kratzer" in found.description


class Heavy(Memory):
    """A memory whose backbone has weights to carry, like a real network."""

    def tensors(self):
        return {**super().tensors(), "backbone.kernel": np.arange(6, dtype=np.float16)}


class HeavyNames(Prototypes):
    def tensors(self):
        return {**super().tensors(), "backbone.kernel": np.arange(6, dtype=np.float16)}


def test_a_backbone_that_both_use_is_stored_once(memory, named):
    heavy = Heavy(**{field.name: getattr(memory, field.name) for field in fields(memory)})
    namer = named.namer
    names = HeavyNames(namer.config, namer.features, namer.learnt)
    assert "namer.backbone.kernel" not in Named.of(heavy, names).tensors()
    assert "detector.backbone.kernel" in Named.of(heavy, names).tensors()
    assert "namer.backbone.kernel" in Named.of(memory, names).tensors()


def test_fit_learns_both_from_good_parts_and_defects():
    good = [picture(texture(seed)) for seed in range(8)]
    named = Named.fit(good, size=64, defects=DEFECTS)
    assert named.about()["pictures"] == 8 and named.about()["namer"]["crops"]["Loch"] == 8
    with pytest.raises(ValueError, match="needs confirmed defects"):
        Named.fit(good, size=64)
