from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.dataset import Snapshot, freeze
from labeling.difference import difference
from labeling.leakage import MOST_TOLD, leaks, likeness
from labeling.splits import Shares, Split
from tests.labeling.examples import crack, example, sets, sha


def put(snapshot: Snapshot, splits: dict[str, Split]) -> Snapshot:
    """The same with splits as given, as no ledger would ever give them."""
    rows = [replace(row, split=splits.get(row.example.key, row.split)) for row in snapshot.rows]
    return replace(snapshot, rows=tuple(rows))


@settings(deadline=None)
@given(sets())
def test_what_was_frozen_does_not_leak(rows):
    assert leaks(freeze("housing", rows).snapshot) == []


@pytest.mark.parametrize(
    ("tie", "sentence"),
    [
        ({"part": "7"}, "Pictures of the same part 7 lie in train (a) and golden (b)."),
        ({"lot": "7"}, "Pictures of the same lot 7 lie in train (a) and golden (b)."),
        ({"scene": "7"}, "Pictures of the same scene 7 lie in train (a) and golden (b)."),
        (
            {"sha256": sha("7")},
            f"Pictures of the same file {sha('7')} lie in train (a) and golden (b).",
        ),
    ],
)
def test_each_kind_of_leak_is_told(tie, sentence):
    found = freeze("housing", [example("a", **tie), example("b", **tie)]).snapshot
    assert leaks(put(found, {"a": Split.TRAIN, "b": Split.GOLDEN})) == [sentence]
    assert leaks(put(found, {"a": Split.TRAIN, "b": Split.ASIDE})) == []


def test_a_lot_that_need_not_stay_together_is_told_all_the_same():
    rows = [example(str(n), part=f"P{n}", lot="L1") for n in range(50)]
    found = freeze("housing", rows, shares=Shares(ties=("part",))).snapshot
    (sentence,) = leaks(found)
    assert sentence.startswith("Pictures of the same lot L1 lie in train")


def test_pictures_that_look_alike_across_splits_are_told():
    found = freeze("housing", [example("a"), example("b"), example("c"), example("d")]).snapshot
    split = put(found, {"a": Split.TRAIN, "b": Split.GOLDEN, "c": Split.TRAIN, "d": Split.VAL})
    alike = {sha("a"): 0b1111, sha("b"): 0, sha("c"): 2**63 - 1}
    assert leaks(split, alike) == [
        "a (train) looks like b (golden): look whether they show the same."
    ]
    assert leaks(split, alike, near=3) == []


def test_many_that_look_alike_are_counted():
    rows = [example(f"{side}{n}") for side in "ab" for n in range(10)]
    splits = {row.key: Split.TRAIN if row.key[0] == "a" else Split.GOLDEN for row in rows}
    found = put(freeze("housing", rows).snapshot, splits)
    told = leaks(found, {row.sha256: 5 for row in rows})
    assert len(told) == MOST_TOLD + 1 and told[-1] == "80 more pairs look alike across splits."


def test_where_all_look_alike_counting_ends_somewhere():
    rows = [example(f"{side}{n}") for side in "ab" for n in range(50)]
    splits = {row.key: Split.TRAIN if row.key[0] == "a" else Split.GOLDEN for row in rows}
    found = put(freeze("housing", rows).snapshot, splits)
    told = leaks(found, {row.sha256: 5 for row in rows})
    assert told[-1] == "At least 980 more pairs look alike across splits."


def scene(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    return coarse.repeat(20, axis=0).repeat(20, axis=1)


@settings(deadline=None)
@given(st.integers(0, 50))
def test_a_brighter_and_a_noisy_copy_look_alike_and_another_scene_does_not(seed):
    picture = scene(seed)
    noise = np.random.default_rng(seed + 1).integers(-3, 4, picture.shape)
    copy = np.clip(picture * 0.8 + 30 + noise, 0, 255).astype(np.uint8)
    near = (likeness(picture) ^ likeness(copy)).bit_count()
    far = (likeness(picture) ^ likeness(scene(seed + 100))).bit_count()
    assert near <= 4 < far
    assert 0 <= likeness(picture[..., 0]) < 2**64


def test_what_changed_is_told_in_words_and_data():
    rows = [example(key) for key in "abcdefg"]
    before = freeze("housing", rows)
    changed = [
        example("b", label="NOT_OK", regions=(crack(),)),
        example("c", sha256=sha("other")),
        example("d", chance=0.5),
        example("e", who="grace"),
        *(example(key) for key in "fghij"),
    ]
    after = freeze("housing", changed, ledger=before.ledger)
    found = difference(before.snapshot, after.snapshot)
    assert (found.new, found.gone) == (("h", "i", "j"), ("a",))
    assert found.relabelled == (("b", "OK", "NOT_OK"),) and found.redrawn == ()
    assert (found.replaced, found.reweighted, found.retold) == (("c",), ("d",), ("e",))
    moved = "" if not found.moved else ", 1 picture in another split"
    assert found.sentence == (
        f"3 new pictures, 1 picture gone, 1 label changed, 1 file replaced{moved}, "
        "1 weight changed, 1 picture with other particulars."
    )


def test_other_regions_and_rules_are_changes_too():
    one = example("a", regions=(crack(),))
    before = freeze("housing", [one])
    redrawn = replace(one, regions=(crack(counts=(0, 12)),))
    after = freeze("housing", [redrawn], ledger=before.ledger, most=5, shares=Shares(val=0.2))
    found = difference(before.snapshot, after.snapshot)
    assert found.redrawn == ("a",)
    assert found.sentence == (
        "1 picture with other regions, val share 0.2 instead of 0.1, "
        "heaviest weight 5 instead of 20."
    )


@settings(deadline=None)
@given(sets(), sets())
def test_nothing_changed_exactly_where_the_names_are_the_same(rows, others):
    first = freeze("housing", rows)
    assert difference(first.snapshot, first.snapshot).sentence == "Nothing changed."
    assert len(difference(None, first.snapshot).new) == len(rows)
    second = freeze("housing", others, ledger=first.ledger).snapshot
    same = difference(first.snapshot, second).sentence == "Nothing changed."
    assert same == (first.snapshot.name == second.name)
