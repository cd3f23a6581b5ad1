"""Any product gets a labelling screen that Label Studio takes, whatever people wrote."""

import dataclasses
import re
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from label_studio_sdk.label_interface import LabelInterface

from labeling import project
from labeling.words import DefectLabel, Question, Schema
from tests.labeling.desk import SCHEMA, schemas

TAKEN = {"ctrl+enter", "ctrl+space", "ctrl+z", "u", "escape", "backspace", "enter", "ctrl+h"}


def tree(schema: Schema) -> ET.Element:
    return ET.fromstring(project.label_config(schema))


@given(schemas)
@settings(deadline=None)
def test_label_studio_takes_the_screen_of_any_schema(schema: Schema) -> None:
    screen = LabelInterface(project.label_config(schema))
    screen.validate()
    codes = [label.code for label in schema.labels]
    assert list(screen.get_control("mask").labels) == [*codes, project.NO_TYPE]
    for number, question in enumerate(schema.questions, start=1):
        control = screen.get_control(project.answer_name(number))
        assert control.to_name == [project.question_name(number)]
        assert (control.tag == "Choices") == bool(question.choices)


@given(schemas)
@settings(deadline=None)
def test_the_same_schema_gives_the_same_text(schema: Schema) -> None:
    again = dataclasses.replace(schema)
    assert project.label_config(schema) == project.label_config(again)
    assert project.instruction(schema) == project.instruction(again)


@given(schemas)
@settings(deadline=None)
def test_each_choice_has_a_name_of_its_own_that_means_it(schema: Schema) -> None:
    for question in schema.questions:
        names = project.choices_of(question)
        assert list(names.values()) == list(question.choices)
        assert all("$" not in name and name.strip() == name for name in names)


@given(schemas)
@settings(deadline=None)
def test_no_choice_is_left_to_a_key_that_label_studio_would_choose(schema: Schema) -> None:
    """It would soon choose letters, and a letter typed beside a text box changes an answer."""
    pressed = [
        element.get("hotkey") or "none"
        for element in tree(schema).iter()
        if element.tag in ("Label", "Choice", "Rating")
    ]
    real = [key for key in pressed if key != project.NO_KEY]
    assert all(re.fullmatch(r"\d|alt\+[1-6]", key) for key in real)
    assert len(real) == len(set(real))
    assert not TAKEN & set(real)


def test_the_first_nine_types_have_digits_and_the_others_no_key() -> None:
    keys = [label.get("hotkey") for label in tree(SCHEMA).iter("Label")]
    assert keys == [*"123456789", *[project.NO_KEY] * 3, "0"]


def test_what_people_wrote_is_shown_as_they_wrote_it() -> None:
    first = next(tree(SCHEMA).iter("Label"))
    assert first.get("value") == "SCR-1"
    assert first.get("html") == "<span>Kratzer &lt;b&gt; &amp; &quot;x&quot; 😀</span>"
    assert first.get("background") == "#E69F00"


def test_a_name_that_looks_like_a_switch_stays_a_name() -> None:
    label = DefectLabel(code="t", name="true", colour="#000000", severity="MINOR")
    first = next(tree(Schema(product="p", labels=(label,), questions=())).iter("Label"))
    assert first.get("html") == "<span>true</span>"  # bare, the editor reads a boolean and breaks


def test_a_choice_that_label_studio_would_read_as_data_goes_by_a_number() -> None:
    question = Question(slot="s", text="?", choices=("$5", "ok", " ", "ok", "(choice 2)", "true"))
    assert project.choices_of(question) == {
        "(choice 1)": "$5",
        "ok": "ok",
        "(choice 3)": " ",
        "(choice 4)": "ok",
        "(choice 5)": "(choice 2)",
        "true": "true",
    }


def test_questions_have_fixed_places_and_their_own_kind_of_answer() -> None:
    root = tree(SCHEMA)
    texts = {text.get("name"): text.get("value") for text in root.iter("Text")}
    assert texts == {"question1": "$q1", "question2": "$q2", "question3": "$q3"}
    answers = {e.get("name"): e.tag for e in root.iter() if (e.get("name") or "")[:6] == "answer"}
    assert answers == {"answer1": "Choices", "answer2": "TextArea", "answer3": "Choices"}


def test_only_the_verdict_must_be_given() -> None:
    must = [element.get("name") for element in tree(SCHEMA).iter() if element.get("required")]
    assert must == ["verdict"]


@given(schemas)
@settings(deadline=None)
def test_the_instruction_names_each_type_and_is_sound_html(schema: Schema) -> None:
    text = project.instruction(schema)
    assert "pencil" in text
    assert text.count("<li>") == text.count("</li>")
    assert text.count("<") == len(re.findall(r"</?(?:p|ol|ul|li|b|code)>", text))
