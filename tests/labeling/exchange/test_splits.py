"""Nothing leaks from one split into another, and nothing moves."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.exchange.picture import Unfit
from labeling.exchange.splits import Keys, Splitter, firsts

KEYS = st.builds(
    Keys,
    product=st.just("tile"),
    lot=st.sampled_from(["", "L1", "L2", "L3", "L4"]),
    serial=st.sampled_from(["", "S1", "S2", "S3", "S4"]),
    sha256=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
)
HALVES = (0.4, 0.3, 0.3)


def split(history, shares=HALVES):
    """The split of each picture; None: it is left out."""
    splitter = Splitter(shares, *firsts(history))
    found = []
    for keys in history:
        try:
            found.append(splitter.split_of(keys))
        except Unfit:
            found.append(None)
    return found


@given(st.lists(KEYS, max_size=30))
def test_no_part_lot_or_file_is_in_two_splits(history):
    for word in ("lot", "serial", "sha256"):
        seen = defaultdict(set)
        for keys, where in zip(history, split(history), strict=True):
            if where and getattr(keys, word):
                seen[getattr(keys, word)].add(where)
        assert all(len(splits) == 1 for splits in seen.values())


@given(st.lists(KEYS, max_size=20), st.lists(KEYS, max_size=20))
def test_nothing_moves_when_pictures_are_added(before, added):
    assert split(before + added)[: len(before)] == split(before)


def test_what_is_left_out_is_told_with_the_split_that_it_would_leak_into():
    lots = [Keys("tile", f"L{n}", "", f"{n}") for n in range(40)]
    other = next(k for k, s in zip(lots, split(lots), strict=True) if s != split(lots)[0])
    history = [Keys("tile", "L0", "S", "x"), Keys("tile", other.lot, "S", "y")]
    splitter = Splitter(HALVES, *firsts(history))
    with pytest.raises(Unfit, match=f"part S is in the split {split(lots)[0]} by its first"):
        splitter.split_of(history[1])


def test_the_shares_are_kept_over_many_lots():
    splits = split([Keys("tile", f"L{n}", "", str(n)) for n in range(5000)], (0.8, 0.1, 0.1))
    assert abs(splits.count("train") / 5000 - 0.8) < 0.03
    assert abs(splits.count("test") / 5000 - 0.1) < 0.02


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.5, 0.6, -0.1), (0.1, 0.1, 0.1)])
def test_shares_that_make_no_whole_are_refused(shares):
    with pytest.raises(ValueError, match="add up to 1"):
        Splitter(shares)
