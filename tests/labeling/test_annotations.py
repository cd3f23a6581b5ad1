"""What annotators really submitted is read whole; anything else is refused with a sentence."""

import copy
import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling import annotations, brush
from labeling.annotations import BadAnnotation
from labeling.words import Labelled, LabelledRegion, Origin
from tests.labeling.desk import (
    HEIGHT,
    MASKS,
    PROPOSED,
    SCHEMA,
    WIDTH,
    changed,
    parsed,
    place,
    submitted,
)

UNTOUCHED, CORRECTED = submitted("untouched"), submitted("corrected")
AT = {  # where each control speaks in the untouched one
    name: place(UNTOUCHED, name)
    for name in ("mask", "severity", "region_note", "region_conf", "verdict", "description")
}


def regions(labelled: Labelled) -> dict[str, LabelledRegion]:
    return {region.key: region for region in labelled.regions}


def test_what_was_left_as_it_was_is_the_models() -> None:
    labelled = parsed(UNTOUCHED)
    assert labelled.evaluation == "NOT_OK"
    assert labelled.description == "A scratch, and a dent."
    origins = [labelled.evaluation_origin, labelled.description_origin]
    origins += [one.origin for one in [*labelled.regions, *labelled.answers]]
    assert set(origins) == {Origin.PREDICTION}
    assert labelled.deleted == ()
    assert {key: region.label for key, region in regions(labelled).items()} == PROPOSED["regions"]
    for key, region in regions(labelled).items():
        assert np.array_equal(region.mask, MASKS[key])


def test_what_was_said_of_a_region_is_gathered_by_its_id() -> None:
    first, second, third = parsed(UNTOUCHED).regions
    assert (first.severity, first.confidence, first.note) == ("MAJOR", 4, "long")
    assert (second.severity, second.confidence, second.note) == (None, 2, "")
    assert (third.label, third.severity, third.confidence) == (None, "MINOR", 1)


def test_who_said_it_and_when_is_kept() -> None:
    labelled = parsed(UNTOUCHED)
    assert (labelled.studio_id, labelled.task_id, labelled.person) == (6, 13, 1)
    assert labelled.made_at.tzinfo == UTC
    assert labelled.made_at.date() == datetime(2026, 11, 22, tzinfo=UTC).date()
    assert labelled.seconds is not None
    assert 0 < labelled.seconds < 60


def test_a_correction_is_told_from_what_was_left_removed_and_drawn() -> None:
    labelled = parsed(CORRECTED)
    found = regions(labelled)
    assert labelled.deleted == ("f2",)
    assert found["f1"].origin == Origin.CHANGED
    assert 0.9 < np.count_nonzero(found["f1"].mask) / np.count_nonzero(MASKS["f1"]) < 0.99
    assert found["f3"].origin == Origin.PREDICTION
    (drawn,) = (region for key, region in found.items() if key not in MASKS)
    assert (drawn.label, drawn.origin, drawn.severity) == ("type0", Origin.MANUAL, None)
    assert (labelled.evaluation, labelled.evaluation_origin) == ("NOT_DECIDABLE", Origin.CHANGED)


def test_answers_are_told_from_what_the_model_had_answered() -> None:
    orient, free = parsed(CORRECTED).answers
    assert (orient.text, orient.predicted, orient.origin) == ("up", "$5 off", Origin.CHANGED)
    assert (free.text, free.predicted, free.origin) == ("yes indeed",) * 2 + (Origin.PREDICTION,)


def test_questions_of_their_own_are_pairs() -> None:
    assert parsed(CORRECTED).added == (("Is it u?", "no it is not"),)


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        (["A? :: B", "C?::D :: E"], (("A?", "B"), ("C?", "D :: E"))),
        (["A? :: B\n\nC? :: D"], (("A?", "B"), ("C?", "D"))),
        (["Only a question?"], (("Only a question?", ""),)),
        ([":: only an answer"], (("only an answer", ""),)),
        (["::", "  "], ()),
    ],
)
def test_no_line_of_theirs_is_lost(lines: list[str], pairs: tuple[Any, ...]) -> None:
    at = place(CORRECTED, "new_qa")
    assert parsed(changed("corrected", "result", at, "value", "text", to=lines)).added == pairs


def test_another_severity_makes_a_region_changed_though_its_mask_is_not() -> None:
    first = regions(parsed(submitted("severity_only")))["f1"]
    assert (first.severity, first.origin) == ("CRITICAL", Origin.CHANGED)
    assert np.array_equal(first.mask, MASKS["f1"])


def test_another_type_makes_a_region_changed_whatever_label_studio_says_of_it() -> None:
    annotation = changed("untouched", "result", AT["mask"], "value", "brushlabels", to=["dent"])
    assert regions(parsed(annotation))["f1"].origin == Origin.CHANGED


def test_a_region_that_nobody_proposed_is_the_persons_own() -> None:
    annotation = copy.deepcopy(UNTOUCHED)
    for item in annotation["result"]:
        item["id"] = "copy" if item["id"] == "f1" else item["id"]
    labelled = parsed(annotation)
    assert regions(labelled)["copy"].origin == Origin.MANUAL
    assert labelled.deleted == ("f1",)


def test_a_region_that_was_rubbed_out_counts_as_removed() -> None:
    nothing = brush.encode(np.zeros((HEIGHT, WIDTH), np.bool_))
    annotation = changed("untouched", "result", AT["mask"], "value", "rle", to=nothing)
    assert parsed(annotation).deleted == ("f1",)


def test_a_region_that_lost_its_label_is_one_of_no_known_type() -> None:
    annotation = changed("untouched", "result", AT["mask"], "type", to="brush")
    del annotation["result"][AT["mask"]]["value"]["brushlabels"]
    assert regions(parsed(annotation))["f1"].label is None
    del annotation["result"][AT["mask"]]  # its severity repeats the mask
    assert np.array_equal(regions(parsed(annotation))["f1"].mask, MASKS["f1"])


def test_an_answer_taken_away_is_an_empty_one() -> None:
    annotation = copy.deepcopy(UNTOUCHED)
    del annotation["result"][place(annotation, "answer2")]
    answer = parsed(annotation).answers[1]
    assert (answer.text, answer.predicted, answer.origin) == ("", "yes indeed", Origin.CHANGED)


def test_an_answer_where_the_model_had_none_is_the_persons_own() -> None:
    annotation = copy.deepcopy(UNTOUCHED)
    more = {**annotation["result"][place(annotation, "answer1")], "from_name": "answer3"}
    annotation["result"].append({**more, "value": {"choices": ["yes"]}})
    answer = parsed(annotation).answers[2]
    assert (answer.slot, answer.text, answer.predicted) == ("more", "yes", None)
    assert answer.origin == Origin.MANUAL


def test_words_changed_and_changed_back_are_the_models() -> None:
    at = place(UNTOUCHED, "answer2")
    annotation = changed("untouched", "result", at, "origin", to="prediction-changed")
    assert parsed(annotation).answers[1].origin == Origin.PREDICTION


def test_a_skip_keeps_its_reason_and_nothing_else() -> None:
    labelled = parsed(submitted("skipped"))
    assert labelled.skipped
    assert labelled.skip_reason == "I do not know this part: never seen"
    assert (labelled.evaluation, labelled.regions, labelled.deleted) == ("", (), ())


def test_a_skip_without_a_word_is_one_as_well() -> None:
    labelled = parsed({**submitted("skipped"), "result": []})
    assert (labelled.skipped, labelled.skip_reason) == (True, "")


def test_a_reason_to_skip_that_was_submitted_is_a_skip() -> None:
    """Beside the list of tasks Label Studio has no button for it."""
    assert parsed({**submitted("skipped"), "was_cancelled": False}).skipped


@pytest.mark.parametrize(
    ("name", "value", "person"),
    [("completed_by", 7, 7), ("completed_by", {"id": 8}, 8), ("completed_by", None, None)],
)
def test_people_are_numbers_in_each_form(name: str, value: Any, person: int | None) -> None:
    assert parsed({**UNTOUCHED, name: value}).person == person


@pytest.mark.parametrize("time", [None, "long", -3, float("nan"), float("inf"), 10**400, True])
def test_a_time_that_is_none_is_not_told(time: Any) -> None:
    assert parsed({**UNTOUCHED, "lead_time": time}).seconds is None


def test_what_is_missing_without_harm_is_missed() -> None:
    annotation = copy.deepcopy(UNTOUCHED)
    for name in ("lead_time", "completed_by", "was_cancelled", "draft_created_at"):
        del annotation[name]
    assert parsed(annotation).seconds is None


def test_words_that_no_database_takes_are_mended() -> None:
    at = AT["description"]
    annotation = changed("untouched", "result", at, "value", "text", to=["a\0b\ud800c"])
    assert parsed(annotation).description == "a\N{REPLACEMENT CHARACTER}b?c"


def test_an_arrow_between_regions_says_nothing() -> None:
    arrow = {"type": "relation", "from_id": "f1", "to_id": "f2", "direction": "right"}
    assert parsed({**UNTOUCHED, "result": [*UNTOUCHED["result"], arrow]}) is not None


MASK_AT, VERDICT_AT = ("result", AT["mask"]), ("result", AT["verdict"])


@pytest.mark.parametrize(
    ("path", "to", "why"),
    [
        ((*MASK_AT, "value", "rle"), [1, 2, 3], "The mask of region f1 is broken"),
        ((*MASK_AT, "value", "rle"), {"0": 1}, "The mask of region f1 is broken"),
        ((*MASK_AT, "value", "brushlabels"), ["gone"], "Region f1 is labelled 'gone'"),
        ((*MASK_AT, "value", "brushlabels"), ["dent", "type1"], "mask of f1 is to be one choice"),
        ((*MASK_AT, "value", "brushlabels"), "dent", "is no choice"),
        ((*MASK_AT, "original_width"), 320, "drawn on a picture of 320 x 480"),
        ((*MASK_AT, "image_rotation"), 90, "turned"),
        ((*MASK_AT, "origin"), "robot", "may not be of 'robot'"),
        ((*MASK_AT, "id"), None, "has no id"),
        ((*MASK_AT, "value"), None, "holds no value"),
        (("result", AT["severity"], "value", "choices"), ["BAD"], "severity of region f1"),
        (("result", AT["region_conf"], "value", "rating"), 9, "rating of region f1"),
        (("result", AT["region_note"], "value", "text"), [3], "region_note of f1 is no text"),
        ((*VERDICT_AT, "value", "choices"), ["maybe"], "verdict 'maybe' is none of"),
        ((*VERDICT_AT, "value", "choices"), [], "It has no verdict"),
        ((*VERDICT_AT, "from_name"), "judgement", "a value of 'judgement'"),
        (("result",), None, "result is not a list"),
        (("updated_at",), "yesterday", "updated_at is no time"),
        (("id",), True, "id is no number"),
        (("task",), {"id": 3}, "task is no number"),
        (("was_postponed",), False, "a draft"),
    ],
)
def test_what_is_broken_is_named(path: tuple[Any, ...], to: Any, why: str) -> None:
    with pytest.raises(BadAnnotation, match=why):
        parsed(changed("untouched", *path, to=to))


def test_a_choice_that_the_question_does_not_have_is_named() -> None:
    at = place(UNTOUCHED, "answer1")
    with pytest.raises(BadAnnotation, match=r"answer to orient, '\$5 off', is none"):
        parsed(changed("untouched", "result", at, "value", "choices", to=["$5 off"]))


def test_a_severity_without_a_mask_is_named() -> None:
    annotation = copy.deepcopy(UNTOUCHED)
    annotation["result"] = [r for r in annotation["result"] if r["id"] != "f1"]
    lone = {**UNTOUCHED["result"][AT["severity"]], "value": {"choices": ["MAJOR"]}}
    with pytest.raises(BadAnnotation, match="Region f1 has a severity, but no mask"):
        parsed({**annotation, "result": [*annotation["result"], lone]})


def test_two_masks_of_one_region_are_refused() -> None:
    with pytest.raises(BadAnnotation, match="Region f1 has 2 masks"):
        parsed({**UNTOUCHED, "result": [UNTOUCHED["result"][0], *UNTOUCHED["result"]]})


def test_a_label_renamed_in_label_studio_is_named() -> None:
    schema = dataclasses.replace(SCHEMA, labels=SCHEMA.labels[1:])
    with pytest.raises(BadAnnotation, match="was the label renamed"):
        parsed(UNTOUCHED, schema=schema)


def version(number: int, at: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "updated_at": f"2026-11-22T{at}Z", "was_cancelled": False, **more}


def test_of_several_the_last_that_was_submitted_holds() -> None:
    first, second = version(2, "10:00:00"), version(1, "11:00:00")
    skip = version(3, "12:00:00", was_cancelled=True)
    draft = version(4, "13:00:00", was_postponed=False)
    assert annotations.latest([first, skip, second, draft]) is second
    assert annotations.latest([skip, draft]) is skip
    assert annotations.latest([draft]) is None
    assert annotations.latest([]) is None


def test_moments_are_compared_as_moments() -> None:
    """10:30 in an hour's offset is before 10:00 of UTC, though it is written later."""
    here, there = version(1, "10:00:00"), version(2, "10:00:00")
    there["updated_at"] = "2026-11-22T10:30:00+01:00"
    assert annotations.latest([there, here]) is here


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["prediction", "manual", "brushlabels", "f1", "2026-11-22T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of all that can be put in place of something else, but for the bytes of the masks."""
    found = [before] if before else []
    steps = value.items() if isinstance(value, dict) else ()
    steps = enumerate(value) if isinstance(value, list) and before[-1:] != ("rle",) else steps
    for step, inner in steps:
        found += paths(inner, (*before, step))
    return found


def read_or_refused(annotation: Any) -> None:
    try:
        labelled = parsed(annotation)
    except BadAnnotation as error:
        assert str(error)
    else:
        assert labelled.skipped == (labelled.evaluation == "")
        assert all(region.mask.shape == (HEIGHT, WIDTH) for region in labelled.regions)


@given(json_values)
@settings(deadline=None)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_or_refused(value)
    read_or_refused({**UNTOUCHED, "result": value})


@given(st.sampled_from(paths(CORRECTED)), json_values)
@settings(deadline=None, max_examples=300)
def test_any_change_to_a_real_one_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    read_or_refused(changed("corrected", *path, to=value))


@given(st.sampled_from(paths(CORRECTED)))
@settings(deadline=None)
def test_anything_missing_from_a_real_one_is_missed_or_refused(path: tuple[Any, ...]) -> None:
    annotation = copy.deepcopy(CORRECTED)
    inner: Any = annotation
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    read_or_refused(annotation)
