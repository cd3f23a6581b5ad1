import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.dataset import BadSnapshot, Snapshot, contradictions, freeze, read
from labeling.examples import BadExample, Example, Source
from labeling.splits import Split
from labeling.weighing import effective_size, stands_for, weight, weights_of
from tests.labeling.examples import crack, example, sets, sha


def frozen(rows: Sequence[Example], **options) -> Snapshot:
    return freeze("housing", rows, **options).snapshot


@settings(deadline=None)
@given(sets(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    first, second = freeze("housing", rows), freeze("housing", shuffled)
    assert first.snapshot.manifest == second.snapshot.manifest
    assert first.snapshot.name == second.snapshot.name
    assert first.ledger == second.ledger and first.joined == second.joined


@settings(deadline=None)
@given(sets())
def test_a_snapshot_is_read_again_and_rebuilt_byte_for_byte(rows):
    made = freeze("housing", rows)
    again = read(made.snapshot.manifest, made.snapshot.name)
    assert again.manifest == made.snapshot.manifest
    assert [row.split for row in again.rows] == [row.split for row in made.snapshot.rows]
    rebuilt = frozen([row.example for row in again.rows], ledger=made.ledger)
    assert rebuilt.name == made.snapshot.name


CHANGES = [
    {"sha256": sha("another")},
    {"size": 1001},
    {"label": "NOT_OK"},
    {"source": Source.IMPORT},
    {"who": "grace"},
    {"when": example("x").when + timedelta(microseconds=1)},
    {"part": "P1"},
    {"lot": "L1"},
    {"scene": "S1"},
    {"chance": 0.5},
    {"regions": (crack(),)},
    {"width": 3, "height": 4},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_any_change_of_an_example_is_another_name(change):
    rows = [example("a"), example("b")]
    assert frozen(rows).name != frozen([example("a", **change), example("b")]).name


@pytest.mark.parametrize(
    "change", [{"defect_type": "dent"}, {"severity": "MINOR"}, {"counts": (2, 4, 6)}]
)
def test_any_change_of_a_region_is_another_name(change):
    before = frozen([example("a", regions=(crack(),))])
    assert before.name != frozen([example("a", regions=(crack(**change),))]).name


def test_the_order_of_regions_and_the_time_zone_of_who_labelled_do_not_matter():
    two = (crack(), crack(defect_type="dent"))
    here = example("a").when.astimezone(timezone(timedelta(hours=2)))
    before = frozen([example("a", regions=two)])
    assert before.name == frozen([example("a", regions=two[::-1], when=here)]).name


@settings(deadline=None)
@given(sets(), st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_is_refused(rows, place, by):
    made = frozen(rows)
    spoilt = bytearray(made.manifest)
    spoilt[place % len(spoilt)] ^= by
    with pytest.raises(BadSnapshot, match="fetch it again"):
        read(bytes(spoilt), made.name)


def test_the_name_is_the_hash_of_what_is_written():
    made = frozen([example("a", lot="Löt\n7", who="Ünal\ud800")])
    assert made.name == hashlib.sha256(made.manifest).hexdigest()
    head, line = made.manifest.decode("ascii").splitlines()
    assert json.loads(head)["product"] == "housing" and json.loads(head)["examples"] == 1
    assert json.loads(line)["lot"] == "Löt\n7"


def test_a_manifest_of_another_format_is_refused_in_a_sentence():
    manifest = b'{"format":2}\n'
    with pytest.raises(BadSnapshot, match="format 2, and this version reads 1"):
        read(manifest, hashlib.sha256(manifest).hexdigest())


def test_what_cannot_be_a_snapshot_is_refused_in_a_sentence():
    with pytest.raises(BadSnapshot, match="no labelled picture"):
        frozen([])
    with pytest.raises(BadSnapshot, match="'a' is named twice"):
        frozen([example("a"), example("a", who="grace")])
    for most in (0.5, float("nan"), float("inf")):
        with pytest.raises(BadSnapshot, match="cap"):
            frozen([example("a")], most=most)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"key": ""}, "where its picture is stored"),
        ({"sha256": "A" * 64}, "no SHA-256"),
        ({"size": 0}, "without bytes"),
        ({"label": "NOT_DECIDABLE"}, "leave out what nobody could decide"),
        ({"label": "OK", "regions": (crack(),)}, "called OK and marks a defect"),
        ({"regions": (crack(counts=(1, 2)),)}, "does not fill its 4 x 3 pixels"),
        ({"regions": (crack(counts=(14, -2)),)}, "does not fill"),
        ({"regions": (crack(severity="BAD"),)}, "severity 'BAD'"),
        ({"when": example("x").when.replace(tzinfo=None)}, "time zone"),
        ({"who": ""}, "who labelled it"),
        ({"chance": 0.0}, "above 0 and at most 1"),
        ({"chance": float("nan")}, "above 0 and at most 1"),
        ({"chance": 1.5}, "above 0 and at most 1"),
    ],
)
def test_what_teaches_nothing_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(BadExample, match=sentence):
        example(**{"key": "a", **change})


def test_one_file_with_two_labels_is_told():
    same = sha("one file")
    rows = [example("a", sha256=same), example("b", sha256=same, label="NOT_OK"), example("c")]
    assert contradictions(frozen(rows)) == [
        "The same picture is OK as a and NOT_OK as b: look at it again."
    ]
    assert contradictions(frozen([replace(rows[1], label="OK"), rows[0], rows[2]])) == []


def test_a_picture_drawn_by_chance_stands_for_others_up_to_the_cap():
    assert weight(None) == weight(1.0) == 1
    assert weight(0.1) == 10 and weight(0.001) == 20 and weight(0.001, most=5) == 5
    assert stands_for(0.001) == pytest.approx(1000)
    made = frozen([example("a", chance=0.25), example("b"), example("c", chance=0.01)], most=8)
    assert [row.weight for row in made.rows] == [4, 1, 8]


def test_what_the_cap_costs_is_told():
    rows = [example(str(n)) for n in range(98)] + [example(f"d{n}", chance=0.01) for n in range(2)]
    told = weights_of(rows)
    assert told.cut == 2 and told.effective > told.uncut
    assert told.sentence == (
        "2 pictures stand for more than 20 parts each and are cut to that, so that no single "
        "label rules the training: 100 pictures count as 21 equal ones, uncut as 4."
    )
    assert "none had to be cut" in weights_of(rows[:5]).sentence


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1))
def test_unequal_weights_never_count_as_more_than_there_are(weights):
    assert 1 - 1e-9 <= effective_size(weights) <= len(weights) * (1 + 1e-9)
    assert effective_size([weights[0]] * 7) == pytest.approx(7)


@settings(max_examples=30, deadline=None)
@given(sets())
def test_only_golden_pictures_are_golden(rows):
    made = frozen(rows)
    assert made.golden == {row.example.sha256 for row in made.rows if row.split is Split.GOLDEN}
