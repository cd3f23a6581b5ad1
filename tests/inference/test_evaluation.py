import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from inference import intervals
from inference.datasets import BadDataset, Row
from inference.detectors.stub import Stub
from inference.evaluation import evaluate, even_sample, figures, tried
from inference.pixelmetrics import PixelTally, weighted
from tests.inference.pictures import picture, png, scratched, texture

RANKINGS = ("image_auroc", "image_ap", "pixel_auroc", "aupro")
RATES = ("false_call_rate", "escape_rate")


def stub() -> Stub:
    return Stub.fit([picture(texture(seed)) for seed in range(12)], size=128)


@dataclass(frozen=True, eq=False)
class Taught(Stub):
    """A stub that says what it has learnt from, as the supervised detectors do."""

    def about(self) -> dict[str, Any]:
        return {**super().about(), **self.config["lesson"]}


def taught(**lesson: Any) -> Taught:
    plain = stub()
    return Taught({**plain.config, "lesson": lesson}, plain.thresholds)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[Row]:
    """Six good parts and six scratched ones, of two types, some faint; two pictures a part."""
    folder, found = tmp_path_factory.mktemp("parts"), []
    for number in range(12):
        bad = number % 2 == 1
        pixels = scratched(number) if bad else texture(number)
        truth = np.zeros(pixels.shape[:2], np.uint8)
        if bad:
            truth[80:92, 70:110] = 255
        if number == 5:
            pixels[80:92, 70:110] = 130  # hardly to be seen
        path, mask = folder / f"{number}.png", folder / f"{number}_mask.png"
        path.write_bytes(png(pixels))
        Image.fromarray(truth).save(mask)
        found.append(
            Row(
                path=path,
                split="test",
                label="defect" if bad else "good",
                defect_type=("scratch" if number < 6 else "Kratzer außen") if bad else "",
                mask=mask if bad else None,
                group=f"part {number // 4}{'b' if bad else 'g'}",
            )
        )
    return found


def test_the_figures_name_groups_and_what_was_left_out(rows):
    found = evaluate(stub(), rows)
    assert (found["images"], found["groups"], found["left_out"]) == (12, 6, 0)
    assert set(found["intervals"]) == {*RANKINGS, *RATES}


def test_every_interval_holds_its_figure(rows):
    found = evaluate(stub(), rows)
    for name, (low, high) in found["intervals"].items():
        assert 0 <= low <= found[name] <= high <= 1, name


def test_the_same_pictures_give_the_same_intervals(rows):
    trial = tried(stub(), rows)
    assert figures(trial)["intervals"] == figures(trial)["intervals"]


def test_what_was_learnt_is_left_out_and_counted(rows):
    known = [hashlib.sha256(row.path.read_bytes()).hexdigest() for row in rows[:3]]
    found = evaluate(taught(learnt=[*known, "0" * 64]), rows)
    assert (found["images"], found["left_out"]) == (9, 3)
    expected = evaluate(stub(), rows[3:])
    assert found["image_auroc"] == expected["image_auroc"]


def test_an_evaluation_on_learnt_pictures_alone_is_refused(rows):
    known = [hashlib.sha256(row.path.read_bytes()).hexdigest() for row in rows]
    with pytest.raises(BadDataset, match="has learnt from all of the 12 pictures"):
        evaluate(taught(learnt=known), rows)


def test_learnt_types_are_told_apart_from_the_others(rows):
    found = evaluate(taught(seen_types=["scratch", "dent"]), rows)
    assert found["per_defect_type"]["scratch"]["seen"] is True
    assert found["per_defect_type"]["Kratzer außen"]["seen"] is False
    assert found["seen_types"] == without_seen(found["per_defect_type"]["scratch"])
    assert found["unseen_types"] == without_seen(found["per_defect_type"]["Kratzer außen"])


def without_seen(figures_of_one_type: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures_of_one_type.items() if name != "seen"}


def test_a_detector_that_learns_no_types_has_seen_none(rows):
    found = evaluate(stub(), rows)
    assert found["seen_types"]["images"] == 0 and math.isnan(found["seen_types"]["image_auroc"])
    assert found["unseen_types"]["images"] == 6
    assert found["unseen_types"]["image_auroc"] == found["image_auroc"]


def test_the_labels_of_a_test_never_move_a_threshold(rows):
    detector = stub()
    before = detector.thresholds
    turned = [replace(row, label="good", mask=None) for row in rows]
    scores = tried(detector, rows).scores
    assert np.array_equal(tried(detector, turned).scores, scores)
    assert detector.thresholds == before == Stub(detector.config, before).thresholds


def test_latency_has_three_percentiles_in_order(rows):
    spent = evaluate(stub(), rows)["latency_ms"]
    assert list(spent) == ["p50", "p95", "p99"]
    assert 0 < spent["p50"] <= spent["p95"] <= spent["p99"]


@pytest.mark.parametrize("label", ["good", "defect"])
def test_figures_of_one_class_alone_are_not_numbers(rows, label):
    found = evaluate(stub(), [row for row in rows if row.label == label])
    assert math.isnan(found["image_auroc"]) and math.isnan(found["intervals"]["image_auroc"][0])
    missing = "escape_rate" if label == "good" else "false_call_rate"
    assert math.isnan(found[missing]) and math.isnan(found["intervals"][missing][1])


def test_a_mask_of_another_size_is_refused(rows, tmp_path):
    mask = tmp_path / "mask.png"
    Image.fromarray(np.zeros((64, 128), np.uint8)).save(mask)
    with pytest.raises(BadDataset, match="128 x 64 pixels, its picture 128 x 128"):
        evaluate(stub(), [rows[0], replace(rows[1], mask=mask)])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 99))
def test_each_draw_has_as_many_parts_of_each_kind_as_there_are(groups, seed):
    parts = np.unique(groups, return_inverse=True)[1]
    defects = np.random.default_rng(seed).random(len(parts)) < 0.4
    drawn = intervals.draws(parts, defects, seed=seed, resamples=20)
    bad = np.array([defects[parts == part].any() for part in range(parts.max() + 1)])
    assert (drawn[:, bad].sum(axis=1) == bad.sum()).all()
    assert (drawn[:, ~bad].sum(axis=1) == (~bad).sum()).all()


def test_pictures_of_one_part_make_an_interval_wider():
    rng = np.random.default_rng(0)
    centre = np.repeat(rng.normal(size=40), 10)  # ten nearly equal pictures of each of 40 parts
    scores = centre + rng.normal(0, 0.01, 400)
    defects = np.arange(400) >= 200
    widths = []
    for parts in (np.arange(400), np.repeat(np.arange(40), 10)):
        drawn = intervals.draws(parts, defects, resamples=300)
        low, high = intervals.of_images(scores, defects, parts, drawn)["image_auroc"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_an_interval_of_a_ranking_holds_the_truth_about_as_often_as_it_says():
    rng, held = np.random.default_rng(1), []
    truth = 0.7602  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    parts, defects = np.arange(120), np.arange(120) >= 60
    for _ in range(150):
        scores = rng.normal(size=120) + defects
        drawn = intervals.draws(parts, defects, seed=int(rng.integers(1000)), resamples=200)
        low, high = intervals.of_images(scores, defects, parts, drawn)["image_auroc"]
        held.append(low <= truth <= high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_a_rate_among_pictures_of_few_parts_is_less_certain():
    happened = [True] * 5 + [False] * 95
    alone = intervals.of_rate(happened, np.arange(100))
    together = intervals.of_rate(happened, np.arange(100) // 5)
    assert together[0] < alone[0] < 0.05 < alone[1] < together[1]


def tallies(seed: int) -> list[PixelTally]:
    rng, found = np.random.default_rng(seed), []
    for number in range(6):
        heat = rng.random((20, 20)).astype(np.float32)
        truth = np.zeros((20, 20), bool)
        truth[2:6, 2 : 2 + number] = number > 1
        heat[truth] += 0.3
        tally = PixelTally(low=0.0, high=1.3)
        tally.add(heat, truth)
        found.append(tally)
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_a_weighted_tally_is_that_of_adding_pictures_so_often(seed):
    parts = tallies(seed)
    times = np.random.default_rng(seed).integers(0, 3, (60, len(parts)))
    sums = list(weighted(parts, times))
    assert len(sums) == 60
    for row in (0, 55):
        for name in ("positive", "negative", "coverage", "defects"):
            expected = sum(n * getattr(p, name) for n, p in zip(times[row], parts, strict=True))
            assert getattr(sums[row], name) == pytest.approx(expected, rel=1e-5)


def test_aupro_is_that_of_its_definition(rows):
    """Every threshold in turn, regions counted by hand, the curve cut at 30 % false positives."""
    detector, maps = stub(), []
    for row, judgement in zip(rows, tried(detector, rows).judgements, strict=True):
        heat = np.asarray(Image.fromarray(judgement.heatmap.astype(np.float32)).resize((128, 128)))
        maps.append((heat, np.asarray(Image.open(row.mask)) > 0 if row.mask else heat < -1))
    expected = aupro_by_definition(maps, 0.3)
    assert evaluate(detector, rows)["aupro"] == pytest.approx(expected, abs=0.02)


def aupro_by_definition(maps, limit: float) -> float:
    regions = [
        heat[labels == number]
        for heat, truth in maps
        for labels, count in [ndimage.label(truth, np.ones((3, 3)))]
        for number in range(1, count + 1)
    ]
    normal = np.concatenate([heat[~truth] for heat, truth in maps])
    rates, overlaps = [0.0], [0.0]
    for cut in np.quantile(np.concatenate([heat.ravel() for heat, _ in maps]), TOP_TO_BOTTOM):
        rates.append(float((normal >= cut).mean()))
        overlaps.append(float(np.mean([(region >= cut).mean() for region in regions])))
    grid = np.linspace(0, limit, 3001)
    return float(np.interp(grid, rates, overlaps).mean())


TOP_TO_BOTTOM = np.linspace(1, 0, 1500)


@given(st.integers(1, 50), st.integers(1, 60))
def test_an_even_sample_has_the_size_asked_for_and_no_picture_twice(count, most):
    every = [Row(path=Path(f"{n}"), split="test", label="good") for n in range(count)]
    sample = even_sample(every, most)
    assert len(sample) == min(count, most) and len({row.path for row in sample}) == len(sample)
