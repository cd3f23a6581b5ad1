import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.balance import balance, lacks
from labeling.dataset import freeze
from labeling.splits import Ledger, Shares, Split, assign, draw
from tests.labeling.examples import crack, example, sets, sha

USED = (Split.TRAIN, Split.VAL, Split.GOLDEN)
TIES = ("part", "lot", "scene", "sha256")


def of(split: Split, kind: str = "part") -> str:
    """A name whose own group is drawn into this split."""
    numbers = (f"{kind[0].upper()}{n}" for n in range(1000))
    return next(n for n in numbers if draw("housing", f"{kind}:{n}", Shares()) is split)


def split_of(found, key: str) -> Split:
    return next(row.split for row in found.snapshot.rows if row.example.key == key)


def assert_nothing_straddles(rows):
    for kind in TIES:
        places = {}
        for row in rows:
            if (value := getattr(row.example, kind)) and row.split in USED:
                places.setdefault(value, set()).add(row.split)
        assert all(len(splits) == 1 for splits in places.values())


@settings(deadline=None)
@given(sets())
def test_no_group_straddles(rows):
    assert_nothing_straddles(freeze("housing", rows).snapshot.rows)


@settings(max_examples=50, deadline=None)
@given(sets(max_size=30), st.data())
def test_adding_and_removing_never_moves_a_picture(rows, data):
    """Day by day some of the pictures are there; each keeps its split or is set aside for good."""
    ledger, ever = Ledger(), {}
    for _ in range(data.draw(st.integers(2, 5))):
        today = data.draw(st.lists(st.sampled_from(rows), min_size=1, unique_by=lambda e: e.key))
        found = freeze("housing", today, ledger=ledger)
        ledger = found.ledger
        assert_nothing_straddles(found.snapshot.rows)
        for row in found.snapshot.rows:
            before = ever.setdefault(row.example.sha256, row.split)
            assert row.split in (before, Split.ASIDE)
            ever[row.example.sha256] = row.split
        told = {one for joined in found.joined for one in joined.aside}
        assert told <= set(ledger.aside)


@settings(max_examples=50, deadline=None)
@given(sets(max_size=30), st.data())
def test_no_training_ever_sees_what_was_golden_nor_a_relative_of_what_is(rows, data):
    ledger, golden, trained, told = Ledger(), set(), set(), []
    for _ in range(3):
        today = data.draw(st.lists(st.sampled_from(rows), min_size=1, unique_by=lambda e: e.key))
        found = freeze("housing", today, ledger=ledger)
        ledger, told = found.ledger, told + today
        golden |= found.snapshot.golden
        trained |= {row.example.sha256 for row in found.snapshot.of(Split.TRAIN)}
        assert not golden & trained
        assert not relatives(trained, told) & found.snapshot.golden


def relatives(files, told):
    """All files that are tied to these by anything that was ever told."""
    known = set(files)
    while True:
        near = {
            (k, getattr(e, k)) for e in told if e.sha256 in known for k in TIES if getattr(e, k)
        }
        more = {e.sha256 for e in told if any((k, getattr(e, k)) in near for k in TIES)}
        if more <= known:
            return known
        known |= more


@settings(deadline=None)
@given(sets())
def test_the_ledger_survives_being_written_down(rows):
    ledger = freeze("housing", rows).ledger
    assert Ledger.from_json(ledger.as_json()) == ledger
    again = freeze("housing", rows, ledger=ledger)
    assert again.ledger == ledger and again.joined == ()


def test_the_split_of_a_new_group_is_a_plain_hash_and_needs_no_ledger():
    digest = hashlib.sha256(b"split\0housing\0part:P1").digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    expected = Split.GOLDEN if place < 0.2 else Split.VAL if place < 0.3 else Split.TRAIN
    assert split_of(freeze("housing", [example("a", part="P1")]), "a") is expected
    assert split_of(freeze("housing", [example("b", part="P1", scene="S")]), "b") is expected


def test_about_as_much_goes_where_it_was_asked_for():
    rows = [example(str(n), part=f"P{n}") for n in range(4000)]
    counts = Counter(row.split for row in freeze("housing", rows).snapshot.rows)
    assert counts[Split.GOLDEN] / 4000 == pytest.approx(0.2, abs=0.03)
    assert counts[Split.VAL] / 4000 == pytest.approx(0.1, abs=0.02)


def test_the_same_file_of_two_parts_ties_them():
    rows = [
        example("a", part="P1", sha256=sha("x")),
        example("b", part="P2", sha256=sha("x")),
        example("c", part="P2"),
    ]
    found = freeze("housing", rows)
    assert len({row.split for row in found.snapshot.rows}) == 1


def test_where_leakage_shows_up_what_was_seen_most_stays_and_the_rest_is_set_aside():
    seen, measured = of(Split.TRAIN, "part"), of(Split.GOLDEN, "scene")
    rows = [example("a", part=seen), example("b", scene=measured), example("c", scene=measured)]
    before = freeze("housing", rows)
    assert [split_of(before, key) for key in "abc"] == ["train", "golden", "golden"]
    rows.append(example("d", part=seen, scene=measured))
    after = freeze("housing", rows, ledger=before.ledger)
    assert [split_of(after, key) for key in "abcd"] == ["train", "aside", "aside", "train"]
    (joined,) = after.joined
    assert joined.sentence == (
        f"By the picture d, part:{seen} (train) and scene:{measured} (golden) belong together: "
        "train keeps them, because it saw the most, and 2 pictures are set aside, "
        "neither learnt from nor measured by any more."
    )
    assert after.snapshot.golden == frozenset()


def test_what_was_set_aside_stays_so_when_the_picture_that_told_is_gone():
    seen, measured = of(Split.TRAIN, "part"), of(Split.GOLDEN, "scene")
    rows = [example("a", part=seen), example("b", scene=measured)]
    ledger = freeze("housing", rows).ledger
    ledger = freeze(
        "housing", [*rows, example("d", part=seen, scene=measured)], ledger=ledger
    ).ledger
    found = freeze("housing", [*rows, example("e", scene=measured)], ledger=ledger)
    assert [split_of(found, key) for key in "abe"] == ["train", "aside", "train"]
    assert found.joined == ()


def test_two_new_pictures_may_tell_it_together():
    seen, measured = of(Split.TRAIN, "part"), of(Split.GOLDEN, "scene")
    rows = [example("a", part=seen), example("b", scene=measured)]
    ledger = freeze("housing", rows).ledger
    new = [example("c", part=seen, lot="L"), example("d", scene=measured, lot="L")]
    found = freeze("housing", [*rows, *new, example("e", part=seen)], ledger=ledger)
    (joined,) = found.joined
    assert joined.by[:2] == ("c", "d") and "By the picture c and 2 more" in joined.sentence


def test_what_a_model_learnt_before_is_train_and_spoils_what_was_golden():
    measured = of(Split.GOLDEN, "part")
    rows = [example("a", part=measured), example("b", part=measured)]
    fresh = freeze("housing", rows, learnt={sha("a")})
    assert {row.split for row in fresh.snapshot.rows} == {Split.TRAIN} and fresh.joined == ()
    ledger = freeze("housing", rows).ledger
    late = freeze("housing", rows, ledger=ledger, learnt={sha("a")})
    assert {row.split for row in late.snapshot.rows} == {Split.ASIDE}
    assert late.joined[0].sentence.startswith(f"A model had learnt from part:{measured} (golden)")


def test_ties_can_be_left_out():
    rows = [example(str(n), part=f"P{n}", lot="L1") for n in range(50)]
    together = freeze("housing", rows).snapshot
    assert len({row.split for row in together.rows}) == 1
    apart = freeze("housing", rows, shares=Shares(ties=("part", "scene"))).snapshot
    assert len({row.split for row in apart.rows}) == 3
    assert any("50 of 50 pictures are of the lot L1" in sentence for sentence in lacks(together))


@pytest.mark.parametrize(
    "wrong", [{"golden": 1.0}, {"golden": 0.5, "val": 0.5}, {"val": -0.1}, {"ties": ("colour",)}]
)
def test_shares_that_leave_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=r"training|tied by"):
        Shares(**wrong)


def test_a_long_chain_of_ties_is_one_group():
    rows = [example(str(n), part=f"P{n}", scene=f"S{n + 1}") for n in range(3000)]
    rows += [example(f"x{n}", part=f"P{n}", scene=f"S{n}") for n in range(3000)]
    found = assign(rows, Ledger(), Shares(), product="housing")
    assert len(set(found.splits.values())) == 1


def test_balance_counts_pictures_parts_and_types_of_each_split():
    name = of(Split.TRAIN, "part")
    rows = [
        example("a", part=name),
        example("b", part=name, regions=(crack(), crack(counts=(0, 12)))),
        example("c", part=name, regions=(crack(),), chance=0.5),
    ]
    found = freeze("housing", rows).snapshot
    train = balance(found)[Split.TRAIN]
    assert (train.pictures, train.parts, train.ok, train.not_ok) == (3, 1, 1, 2)
    assert (train.types["crack"].pictures, train.types["crack"].parts) == (2, 1)
    assert train.effective == pytest.approx(4**2 / 6)
    assert balance(found)[Split.GOLDEN].pictures == 0
    assert lacks(found) == ["The split golden is empty: label more parts."]


def test_what_a_split_lacks_is_told():
    train, golden = of(Split.TRAIN, "part"), of(Split.GOLDEN, "part")
    rows = [example("a", part=train, regions=(crack(),)), example("b", part=golden)]
    assert lacks(freeze("housing", rows).snapshot) == [
        "The split train holds no picture that is OK.",
        "The split golden holds no picture that is NOT_OK.",
        "The split golden holds no defect of the type crack.",
    ]
