"""What is laid before annotators is checked, as Label Studio shows broken things without a word."""

import copy
import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from label_studio_sdk.converter.brush import mask2rle
from label_studio_sdk.label_interface import LabelInterface

from labeling import brush, prelabels, project
from labeling.prelabels import BadPrediction
from labeling.words import Proposal, ProposedRegion, Schema
from tests.labeling.desk import HEIGHT, MASKS, PROPOSAL, SCHEMA, WIDTH, schemas, words

CONFIG = project.label_config(SCHEMA)


def results(**other: Any) -> list[dict[str, Any]]:
    proposal = dataclasses.replace(PROPOSAL, **other)
    made: list[dict[str, Any]] = prelabels.prediction(proposal, SCHEMA)["result"]
    return made


def said(control: str, **other: Any) -> list[Any]:
    return [item["value"] for item in results(**other) if item["from_name"] == control]


def test_all_that_the_model_said_is_laid_before_annotators() -> None:
    task = prelabels.task(PROPOSAL, SCHEMA)
    assert task["meta"] == {"inspection_id": "insp-1"}
    assert task["data"]["q1"] == "Which <way>? & $image"
    assert "?a=1&amp;b=2" in task["data"]["open"]
    assert said("verdict") == [{"choices": ["NOT_OK"]}]
    assert said("severity") == [{"choices": ["MAJOR"]}, {"choices": ["MINOR"]}]
    assert said("region_conf") == [{"rating": 4}, {"rating": 2}, {"rating": 1}]
    assert said("answer1") == [{"choices": ["(choice 2)"]}]  # "$5 off"
    labels = [value["brushlabels"] for value in said("mask")]
    assert labels == [["SCR-1"], ["dent"], [project.NO_TYPE]]


def test_each_mask_is_that_of_its_region() -> None:
    for item in results():
        if item["from_name"] == "mask":
            mask = brush.decode(item["value"]["rle"], width=WIDTH, height=HEIGHT)
            assert np.array_equal(mask, MASKS[item["id"]])


def test_the_most_urgent_is_served_first() -> None:
    """Label Studio begins with the lowest score."""
    urgent = prelabels.prediction(dataclasses.replace(PROPOSAL, urgency=1.0), SCHEMA)
    idle = prelabels.prediction(dataclasses.replace(PROPOSAL, urgency=0.0), SCHEMA)
    assert (urgent["score"], idle["score"]) == (0.0, 1.0)


def test_an_answer_that_is_no_choice_is_left_out() -> None:
    assert said("answer3") == []  # "maybe", of yes and no
    assert said("answer3", answers={"more": " yes "}) == [{"choices": ["yes"]}]


def test_a_failed_run_has_no_verdict() -> None:
    assert said("verdict", evaluation="UNDEFINED") == []


def test_a_type_that_the_product_no_longer_has_is_shown_as_unknown() -> None:
    region = dataclasses.replace(PROPOSAL.regions[0], label="gone")
    assert said("mask", regions=[region])[0]["brushlabels"] == [project.NO_TYPE]


def test_a_link_that_is_no_address_is_left_out() -> None:
    task = prelabels.task(dataclasses.replace(PROPOSAL, link="javascript:alert(1)"), SCHEMA)
    assert task["data"]["open"] == ""


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (np.ones((2, 2), np.bool_), "The mask of f1 is 2 x 2, the picture 640 x 480"),
        (np.zeros((HEIGHT, WIDTH), np.bool_), "holds no pixel"),
    ],
)
def test_a_mask_that_would_not_be_drawn_is_refused(mask: Any, why: str) -> None:
    region = dataclasses.replace(PROPOSAL.regions[0], mask=mask)
    with pytest.raises(BadPrediction, match=why):
        results(regions=[region])


def test_two_regions_of_one_name_are_refused() -> None:
    with pytest.raises(BadPrediction, match="Two regions are called 'f1'"):
        results(regions=[PROPOSAL.regions[0]] * 2)


def faults(change: Any) -> list[str]:
    prediction = copy.deepcopy(prelabels.prediction(PROPOSAL, SCHEMA))
    change(prediction)
    return prelabels.faults(prediction, CONFIG, width=WIDTH, height=HEIGHT)


def test_a_sound_prediction_has_no_faults() -> None:
    assert faults(lambda prediction: None) == []


def _grey(prediction: dict[str, Any]) -> None:
    grey = np.where(MASKS["f1"], 1, 0).astype(np.uint8)
    prediction["result"][0]["value"]["rle"] = mask2rle(grey)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: p["result"][0].update(original_width=320), "320 x 480 pixels, not 640 x 480"),
        (lambda p: p["result"][0].pop("original_width"), "None x 480 pixels"),
        (lambda p: p["result"].reverse(), "stands before its mask"),
        (lambda p: p["result"].pop(0), "stands before its mask, or without one"),
        (_grey, "other values than 0 and 255"),
        (lambda p: p["result"][0]["value"]["rle"].pop(3), "Region f1: These are no run lengths"),
        (lambda p: p["result"][0]["value"].update(brushlabels=["gone"]), "Invalid value"),
        (lambda p: p["result"][0].update(from_name="masks"), "not found in configuration"),
        (lambda p: p.update(score=1.5), "Score must be between"),
        (lambda p: p.pop("result"), "Missing required field"),
    ],
)
def test_each_fault_is_told(change: Any, why: str) -> None:
    told = faults(change)
    assert told
    assert re.search(why, " ".join(told))
    assert max(map(len, told)) < 300  # not the mask again


regions = st.builds(
    ProposedRegion,
    key=st.from_regex(r"f[1-9]", fullmatch=True),
    label=st.none() | words,
    severity=st.none() | st.sampled_from(["CRITICAL", "MINOR", "odd"]),
    score=st.floats(allow_nan=True, allow_infinity=True),
    mask=arrays(np.bool_, (5, 7)).filter(lambda mask: mask.any()),
    note=st.text(max_size=5),
)


@given(st.data(), schemas)
@settings(max_examples=60, deadline=None)
def test_whatever_is_proposed_label_studio_takes_it(data: st.DataObject, schema: Schema) -> None:
    slots = [question.slot for question in schema.questions]
    choices = [choice for question in schema.questions for choice in question.choices]
    answers = st.dictionaries(
        st.sampled_from(slots or [""]), words | st.sampled_from(choices or [""])
    )
    proposal = Proposal(
        inspection_id="i",
        title=data.draw(words),
        link=data.draw(words),
        image="s3://bucket/key",
        width=7,
        height=5,
        model_version="m",
        urgency=data.draw(st.floats(0, 1)),
        evaluation=data.draw(st.sampled_from(["OK", "UNDEFINED", "NOT_DECIDABLE"])),
        description=data.draw(st.text()),
        regions=data.draw(st.lists(regions, max_size=3, unique_by=lambda region: region.key)),
        answers=data.draw(answers),
    )
    task = prelabels.task(proposal, schema)
    screen = LabelInterface(project.label_config(schema))
    assert screen.validate_prediction(task["predictions"][0], return_errors=True) == []
    assert set(variables(project.label_config(schema))) <= set(task["data"])


def variables(config: str) -> list[str]:
    """The data that the screen asks for: without one of them a task is refused."""
    return re.findall(r'value="\$(\w+)"', config)
