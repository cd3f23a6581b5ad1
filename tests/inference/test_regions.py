import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference import binarise, regions, runlengths


def heat_with(*boxes: tuple[int, int, int, int], side: int = 32) -> np.ndarray:
    heat = np.full((side, side), 0.5, np.float32)
    for number, (x, y, w, h) in enumerate(boxes):
        heat[y : y + h, x : x + w] = 3.0 - 0.2 * number
    return heat


GREY = np.full((256, 256, 3), 100, np.uint8)


def test_nothing_above_the_floor_gives_no_region():
    assert regions.find(heat_with(), GREY, floor=1.0) == []


def test_a_hot_place_becomes_one_region_where_it_is():
    (found,) = regions.find(heat_with((4, 20, 3, 8)), GREY, floor=1.0)
    x, y, w, h = found.bbox
    assert abs(x - 32) <= 8 and abs(y - 160) <= 8
    assert abs(w - 24) <= 12 and abs(h - 64) <= 12
    assert found.cell == "bottom left"
    assert found.score == pytest.approx(3.0)
    assert found.elongation > 2


def test_the_hottest_region_comes_first():
    found = regions.find(heat_with((20, 20, 4, 4), (2, 2, 4, 4)), GREY, floor=1.0)
    assert [region.cell for region in found] == ["bottom right", "top left"]
    assert found[0].score > found[1].score


@pytest.mark.parametrize(("inside", "expected"), [(200, 100), (20, -80), (100, 0)])
def test_contrast_is_measured_against_the_ring_around(inside, expected):
    heat = heat_with((8, 8, 8, 8))
    (plain,) = regions.find(heat, GREY, floor=1.0)
    mask = runlengths.decode(plain.counts, (256, 256))
    pixels = GREY.copy()
    pixels[mask] = inside
    (found,) = regions.find(heat, pixels, floor=1.0)
    assert found.contrast == pytest.approx(expected / 255, abs=0.01)


def test_the_ring_of_one_region_leaves_out_the_others():
    heat = heat_with((8, 8, 6, 6), (16, 8, 6, 6))
    first, second = regions.find(heat, GREY, floor=1.0)
    pixels = GREY.copy()
    pixels[runlengths.decode(second.counts, (256, 256))] = 255
    assert regions.find(heat, pixels, floor=1.0)[0].contrast == pytest.approx(0, abs=1e-6)
    assert first.contrast == pytest.approx(0, abs=1e-6)


def test_a_region_that_fills_the_picture_has_no_contrast():
    (found,) = regions.find(np.full((8, 8), 2, np.float32), GREY, floor=1.0)
    assert found.contrast == 0 and found.area_px == 256 * 256


heats = arrays(np.float32, (12, 12), elements=st.floats(0, 4, width=32))


@settings(deadline=None, max_examples=60)
@given(heats, st.integers(40, 90), st.integers(40, 90), st.floats(0.5, 3.5))
def test_every_measure_agrees_with_the_mask(heat, height, width, floor):
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    found = regions.find(heat, pixels, floor)
    assert bool(found) == (float(heat.max()) >= floor)
    seen = np.zeros((height, width), int)
    for region in found:
        mask = runlengths.decode(region.counts, (height, width))
        rows, columns = np.nonzero(mask)
        seen += mask
        assert region.area_px == mask.sum() > 0
        box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert region.bbox == tuple(int(value) for value in box)
        assert all(0 <= x < width and 0 <= y < height for x, y in region.contour)
        assert region.elongation >= 1 and -1 <= region.contrast <= 1
        assert region.score <= heat.max() + 1e-6
    assert seen.max(initial=0) <= 1
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)


@settings(deadline=None, max_examples=60)
@given(heats, st.floats(0.5, 3.5))
def test_the_cut_is_never_below_the_floor(heat, floor):
    assert binarise.threshold(heat, floor) >= floor - 1e-6


def test_the_cut_is_at_the_low_end_of_the_stable_interval():
    """Two spots that stay two until the haze at 1.2 joins them."""
    heat = heat_with((4, 4, 4, 4), (20, 20, 4, 4))
    heat = np.maximum(heat, np.where(np.arange(32)[None, :] < 30, 1.2, 0.5)).astype(np.float32)
    cut = binarise.threshold(heat, 1.0)
    assert 1.2 < cut < 1.3


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_the_longest_run_is_that_of_a_plain_search(counts):
    start, length = binarise.longest_run(counts)
    assert len(set(counts[start : start + length])) == 1
    longest = max(
        j - i
        for i in range(len(counts))
        for j in range(i + 1, len(counts) + 1)
        if len(set(counts[i:j])) == 1
    )
    assert length == longest


def test_specks_are_dropped_unless_they_are_all_there_is():
    heat = np.zeros((256, 256), np.float32)
    heat[100, 100] = 2.0
    assert len(regions.find(heat, GREY, floor=1.0)) == 1
    heat[30:60, 30:60] = 2.0
    (found,) = regions.find(heat, GREY, floor=1.0)
    assert found.area_px == 900


def test_no_more_than_twenty_regions_are_reported():
    heat = np.zeros((64, 64), np.float32)
    heat[::4, ::4] = 2.0
    assert len(regions.find(heat, GREY, floor=1.0)) == regions.MOST


@pytest.mark.parametrize("shape", [(3000, 40), (16, 16), (2200, 2100)])
def test_pictures_of_any_shape_get_masks_of_their_own_size(shape):
    found = regions.find(heat_with((8, 8, 8, 8)), np.zeros((*shape, 3), np.uint8), floor=1.0)
    assert found and all(sum(region.counts) == shape[0] * shape[1] for region in found)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [(0, 0, "top left"), (50, 0, "top"), (99, 0, "top right"), (0, 50, "left"), (50, 50, "centre"),
     (99, 50, "right"), (0, 99, "bottom left"), (50, 99, "bottom"), (99, 99, "bottom right")],
)  # fmt: skip
def test_a_place_is_named_on_the_grid(x, y, expected):
    assert regions.cell(x, y, 100, 100) == expected


def seconds_for(heat: np.ndarray, shape: tuple[int, int]) -> float:
    pixels = np.zeros((*shape, 3), np.uint8)
    started = time.perf_counter()
    assert regions.find(heat, pixels, floor=1.0)
    return time.perf_counter() - started


def foreign() -> np.ndarray:
    """Heat all over, in hundreds of parts."""
    return np.random.default_rng(0).random((96, 96), np.float32) * 3


@pytest.mark.parametrize("heat", [np.full((32, 32), 2, np.float32), foreign()])
def test_the_largest_picture_costs_seconds_however_it_looks(heat):
    """With a dilation by a disc it was more than ten minutes."""
    assert seconds_for(heat, (6300, 6300)) < 8


def test_a_large_picture_is_measured_as_a_small_one_of_the_same_scene():
    heat = heat_with((8, 16, 8, 4))
    (small,) = regions.find(heat, GREY, floor=1.0)
    (large,) = regions.find(heat, np.full((4096, 4096, 3), 100, np.uint8), floor=1.0)
    assert [value / 16 for value in large.bbox] == pytest.approx(small.bbox, abs=1)
    assert large.area_px / 256 == pytest.approx(small.area_px, rel=0.1)
    assert (large.cell, large.score) == (small.cell, small.score)


def test_the_mask_and_the_box_of_a_large_picture_agree():
    (found,) = regions.find(heat_with((5, 9, 3, 7)), np.zeros((2500, 3100, 3), np.uint8), floor=1.0)
    rows, columns = np.nonzero(runlengths.decode(found.counts, (2500, 3100)))
    box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert found.bbox == tuple(int(value) for value in box)
    assert found.area_px == len(rows)


def test_contrast_of_a_large_picture_is_measured_too():
    heat = heat_with((8, 8, 8, 8))
    pixels = np.full((3000, 3000, 3), 100, np.uint8)
    (plain,) = regions.find(heat, pixels, floor=1.0)
    pixels[runlengths.decode(plain.counts, (3000, 3000))] = 200
    (found,) = regions.find(heat, pixels, floor=1.0)
    assert found.contrast == pytest.approx(100 / 255, abs=0.01)
