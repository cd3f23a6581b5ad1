from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.calibration import folds

names = st.lists(st.sampled_from(["", "a", "b", "c", "d", "e"]), min_size=1, max_size=60)


@given(names, st.integers(1, 6), st.integers(0, 9))
def test_a_group_is_never_cut(groups, count, seed):
    numbers = folds(groups, count, seed)
    seen = defaultdict(set)
    for group, number in zip(groups, numbers, strict=True):
        seen[group].add(int(number))
    assert all(len(found) == 1 for group, found in seen.items() if group)
    assert set(numbers) == set(range(numbers.max() + 1))


@given(st.integers(1, 80), st.integers(1, 6))
def test_single_pictures_are_spread_evenly(pictures, count):
    sizes = np.bincount(folds([""] * pictures, count, 0))
    assert sizes.max() - sizes.min() <= 1
    assert len(sizes) == min(count, pictures)


def test_the_seed_decides():
    groups = [f"part {index}" for index in range(40)]
    assert np.array_equal(folds(groups, 5, 1), folds(groups, 5, 1))
    assert not np.array_equal(folds(groups, 5, 1), folds(groups, 5, 2))
