import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from inference import runlengths

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(masks)
def test_a_mask_comes_back(mask):
    assert np.array_equal(runlengths.decode(runlengths.encode(mask), mask.shape), mask)


@given(masks)
def test_the_runs_are_those_of_a_plain_loop(mask):
    assert runlengths.encode(mask) == by_hand(mask)


def by_hand(mask) -> list[int]:
    runs, current = [0], False
    for value in mask.T.ravel():
        if value != current:
            runs.append(0)
            current = value
        runs[-1] += 1
    return runs


@given(masks, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_small_mask_lies_at_its_place_in_the_picture(mask, left, top, right, bottom):
    height, width = mask.shape
    whole = np.zeros((top + height + bottom, left + width + right), bool)
    whole[top : top + height, left : left + width] = mask
    assert runlengths.encode(mask, at=(left, top), shape=whole.shape) == by_hand(whole)


def test_runs_go_down_the_columns_and_begin_with_background():
    mask = np.array([[True, False], [True, True]])
    assert runlengths.encode(mask) == [0, 2, 1, 1]
    assert runlengths.encode(~mask) == [2, 1, 1]


@pytest.mark.parametrize("counts", [[3], [5], [-1, 5], []])
def test_runs_that_do_not_fill_the_picture_are_refused(counts):
    with pytest.raises(ValueError, match="do not fill"):
        runlengths.decode(counts, (2, 2))
