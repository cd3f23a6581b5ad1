"""Questions and answers, held against the masks."""

import json
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.grid import CELLS
from labeling.exchange import ddqa
from labeling.exchange.picture import QA, Category
from labeling.words import Origin
from tests.labeling.exchange.pictures import SIDE, exported, labelled, region, square

MANY = [Category(id=n, code=f"t{n}", name=f"Type {n}", severity="MAJOR") for n in range(1, 8)]


def lines(entries, task, **words):
    files = exported(entries, "ddqa", **words)
    data = files.get(f"train/{task}.jsonl", b"").decode()
    found = [json.loads(line) for line in data.splitlines()]
    assert all(line["images"][0] in files for line in found)
    return found


def options(query):
    return dict(re.findall(r"^([A-D])\. (.+)$", query, re.M))


def chosen(line):
    return options(line["query"])[line["response"]]


def test_discrimination_asks_of_each_verdict():
    entries = [labelled(seed=1), labelled(region(), seed=2)]
    assert [chosen(line) for line in lines(entries, "Task_AD")] == ["No", "Yes"]


def test_classification_offers_three_other_types_of_the_product():
    entries = [labelled(region(label="t3"), seed=n) for n in range(30)]
    found = lines(entries, "Task_DC", categories=MANY)
    for line in found:
        words = list(options(line["query"]).values())
        assert chosen(line) == "Type 3"
        assert len(set(words)) == 4
        assert set(words) <= {one.name for one in MANY}
        assert set(line["andon"]["distractors"]) == set(words) - {"Type 3"}
    assert {line["response"] for line in found} == set("ABCD")


def test_a_product_of_few_types_borrows_strangers_and_says_so():
    (line,) = lines([labelled(region(), seed=1)], "Task_DC")
    words = options(line["query"]).values()
    assert len({word.lower() for word in words}) == 4
    assert line["andon"]["distractors"] == ["Dent"]
    assert len(line["andon"]["not of this product"]) == 2


def test_a_picture_with_several_types_is_asked_no_type():
    both = labelled(region(), region(square(40, 40), "dent"))
    assert lines([both], "Task_DC") == []
    assert lines([labelled(region(label=None))], "Task_DC") == []


@given(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_rough_places_are_those_of_the_mask(x, y, side):
    mask = square(x, y, side)
    picture = labelled(region(mask))
    rows, columns = np.nonzero(mask)
    third = SIDE / 3
    where = int((rows.mean() + 0.5) // third) * 3 + int((columns.mean() + 0.5) // third)
    right, touched = ddqa.places(picture, picture.regions[0])
    assert right == CELLS[min(where, 8)]
    codes = {(3 * r // SIDE) * 3 + 3 * c // SIDE for r, c in zip(rows, columns, strict=True)}
    assert touched == {CELLS[code] for code in codes}
    for line in lines([picture], "Task_RDL"):
        wrong = set(options(line["query"]).values()) - {chosen(line)}
        assert chosen(line) == right
        assert not wrong & touched


@given(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_boxes_are_those_of_the_mask(x, y, side):
    mask = square(x, y, side)
    (line,) = lines([labelled(region(mask))], "Task_DFM")
    x1, y1, x2, y2 = json.loads(line["response"])
    rows, columns = np.nonzero(mask)
    truth = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.allclose(np.array([x1, y1, x2, y2]) * SIDE, truth, atol=SIDE * 0.0005 + 1e-9)


def test_a_region_is_asked_for_by_its_type_where_that_tells_it_apart():
    two = labelled(region(), region(square(40, 40), "dent"))
    assert [re.findall('"(.+)"', line["query"]) for line in lines([two], "Task_DFM")] == [
        ["Scratch"],
        ["Dent"],
    ]
    alike = labelled(region(), region(square(40, 40)))
    assert lines([alike], "Task_DFM") == lines([alike], "Task_RDL") == []


def test_a_region_that_reaches_everywhere_has_no_rough_place():
    whole = np.ones((SIDE, SIDE), bool)
    assert lines([labelled(region(whole))], "Task_RDL") == []


def test_what_is_drawn_by_chance_is_the_same_in_each_export():
    entries = [labelled(region(label="t3"), seed=n) for n in range(5)]
    for task in ("Task_DC", "Task_RDL"):
        all_of_them = lines(entries, task, categories=MANY)
        assert lines(entries[3:4], task, categories=MANY) == all_of_them[3:4]


def test_the_union_holds_the_four_tasks_and_free_questions_stand_apart():
    said = {"slot": "", "predicted": "", "origin": Origin.MANUAL, "edit_distance": None}
    asked = QA(question="How deep?", corrected="0.2 mm", **said)
    mute = QA(question="How long?", corrected=" ", **said)
    picture = labelled(region(), description="A scratch.", answers=(asked, mute))
    tasks = [line["andon"]["task"] for line in lines([picture], "train")]
    assert tasks == ["AD", "DC", "RDL", "DFM"]
    free = [(line["query"], line["response"]) for line in lines([picture], "QA")]
    assert free == [("Describe what you see on this part.", "A scratch."), ("How deep?", "0.2 mm")]


def test_a_picture_of_which_nothing_can_be_asked_is_left_out():
    files = exported([labelled(seed=1, evaluation="NOT_DECIDABLE")], "ddqa")
    assert not [name for name in files if name.startswith("images")]
    assert b"nothing to ask" in files["pictures.csv"]
