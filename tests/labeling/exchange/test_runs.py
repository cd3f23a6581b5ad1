"""Run lengths as COCO packs them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from inference import runlengths
from labeling.exchange import runs

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(MASKS)
def test_any_mask_comes_back_pixel_for_pixel(mask):
    counts, packed = runlengths.encode(mask), runs.pack(runlengths.encode(mask), *mask.shape)
    assert list(runs.unpack(packed.decode(), *mask.shape)) == counts


@given(MASKS)
def test_pycocotools_reads_and_measures_what_was_packed(mask):
    packed = runs.pack(runlengths.encode(mask), *mask.shape)
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert packed == theirs["counts"]
    box, area = runs.measures(packed, *mask.shape)
    assert area == mask.sum()
    if mask.any():
        rows, columns = np.nonzero(mask)
        assert box[:2] == [columns.min(), rows.min()]
        assert box[2:] == [np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_a_mask_of_a_large_picture_comes_back():
    mask = np.random.default_rng(1).random((1500, 2000)) < 0.3
    packed = runs.pack(runlengths.encode(mask), *mask.shape)
    assert list(runs.unpack(packed.decode(), *mask.shape)) == runlengths.encode(mask)


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=30))
@settings(max_examples=300)
def test_what_strangers_packed_fills_the_picture_or_is_refused(text):
    try:
        counts = runs.unpack(text, 8, 9)
    except runs.BadRuns:
        return
    assert sum(counts) == 72
    mask = runlengths.decode(counts, (8, 9))
    assert (coco.decode({"counts": runs.pack(counts, 8, 9), "size": [8, 9]}) == mask).all()


@pytest.mark.parametrize(
    ("packed", "why"),
    [("", "characters"), ("é", "characters"), ("P", "cut off"), ("01", "fill 1 pixels")],
)
def test_a_broken_text_is_told(packed, why):
    with pytest.raises(runs.BadRuns, match=why):
        runs.unpack(packed, 4, 4)


def test_a_run_longer_than_any_picture_is_refused():
    with pytest.raises(runs.BadRuns, match="longer than any picture"):
        runs.unpack("o" * 20 + "0", 4, 4)


@pytest.mark.parametrize("counts", [[], [-1, 17], [[16]], ["x"], None, [15], [10**30], {}])
def test_plain_run_lengths_that_make_no_sense_are_refused(counts):
    with pytest.raises(runs.BadRuns):
        runs.checked(counts, 4, 4)


def test_runs_of_no_pixels_are_joined():
    assert runs.checked([3, 0, 2, 11], 4, 4) == (5, 11)
    assert runs.checked([0, 16, 0], 4, 4) == (0, 16)


def test_polygons_are_filled_as_pycocotools_fills_them():
    counts = runs.from_polygons([[2, 2, 8, 2, 8, 6, 2, 6], [10, 10, 14, 10, 14, 14]], 20, 30)
    theirs = coco.merge(
        coco.frPyObjects([[2, 2, 8, 2, 8, 6, 2, 6], [10, 10, 14, 10, 14, 14]], 20, 30)
    )
    assert (runlengths.decode(counts, (20, 30)) == coco.decode(theirs)).all()


@pytest.mark.parametrize(
    "polygon", [[1, 2], [1, 2, 3, 4, 5], "abc", [1, 2, 3, 4, 5, float("nan")], [1e9] * 6, [[1]] * 6]
)
def test_polygons_that_make_no_sense_are_refused(polygon):
    with pytest.raises(runs.BadRuns):
        runs.from_polygons([polygon], 20, 30)
