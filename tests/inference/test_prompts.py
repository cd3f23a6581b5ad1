import argparse
import json

import pytest

from inference.cli import prompts as option
from inference.language.keywords import keywords
from inference.language.prompts import Prompts, generate, generic

CRACK = "A dark, jagged line across the shell; the shell is broken open."


class Writer:
    """A language model that answers from a list and remembers what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


def test_every_state_stands_in_every_template():
    found = generic("hazelnut")
    assert len(found.normal) == len(found.abnormal) == 60
    assert all("hazelnut" in line for line in found.normal + found.abnormal)
    assert len(set(found.normal) | set(found.abnormal)) == 120
    assert "a close-up photo of a damaged hazelnut." in found.abnormal
    assert found.defects == {}


def test_a_description_is_reduced_to_its_keywords():
    found = keywords(CRACK)
    assert "jagged line" in found and "dark" in found and "shell" in found
    assert not {"a", "the", "is", "across"} & {word for one in found for word in one.split()}
    assert len(found) == len(set(found))
    assert keywords("") == keywords("... 12, 13") == []


def test_words_that_stand_together_weigh_more():
    assert keywords("rust. thin scratch marks")[0] == "thin scratch marks"


def test_each_type_of_the_catalogue_gets_sentences():
    found = generate("hazelnut", {"crack": CRACK, "print_error": ""})
    assert list(found.defects) == ["crack", "print_error"]
    assert "a hazelnut with crack" in found.defects["crack"]
    assert any("jagged line" in line for line in found.defects["crack"])
    assert any(CRACK[:20].rstrip(",") in line for line in found.defects["crack"])
    assert "a hazelnut with print error" in found.defects["print_error"]
    assert found.normal == generic("hazelnut").normal


def test_no_sentence_is_longer_than_a_text_tower_reads():
    found = generate("part", {"long": "very " + "odd " * 300})
    assert max(len(line.split()) for line in found.defects["long"]) <= 50


def test_a_language_model_is_asked_once_for_each_type():
    write = Writer('1. Dark lines run over it.\n- "The shell gapes open."\n\nYes.', "no")
    found = generate("hazelnut", {"crack": CRACK, "hole": "a hole"}, write)
    assert found.defects["crack"] == ("Dark lines run over it.", "The shell gapes open.")
    assert len(write.asked) == 2 and CRACK in write.asked[0] and "hazelnut" in write.asked[0]
    assert found.defects["hole"] == generate("hazelnut", {"hole": "a hole"}).defects["hole"]


def test_without_a_catalogue_the_model_is_asked_what_may_go_wrong():
    write = Writer("Deep scratches, torn edges.", "A scratch shines.", "The edge is torn away.")
    found = generate("belt", {}, write)
    assert found.abnormal[-2:] == ("A scratch shines.", "The edge is torn away.")
    assert len(write.asked) == 3 and "deep scratches" in write.asked[1]
    assert found.defects == {}


def test_written_sentences_are_kept_as_plain_data():
    found = generate("hazelnut", {"crack": CRACK}, Writer("Dark lines run over it."))
    again = Prompts.from_json(json.loads(json.dumps(found.as_json())))
    assert again == found


@pytest.mark.parametrize("stored", [{}, {"product": "x"}, {"product": "x", "normal": "a"}])
def test_other_data_are_no_prompts(stored):
    with pytest.raises(ValueError, match="stored prompts need product, normal"):
        Prompts.from_json(stored)


def test_types_that_were_seen_but_not_described_are_named_by_their_codes():
    found = generate("nut", {"crack": CRACK}).with_types(["crack", "bent_edge", ""])
    assert set(found.defects) == {"crack", "bent_edge"}
    assert any("jagged" in line for line in found.defects["crack"])
    assert "a nut with bent edge" in found.defects["bent_edge"]


def options(path, detector="zeroshot"):
    return argparse.Namespace(prompts=path, detector=detector)


def test_a_file_of_prompts_is_read(tmp_path):
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"product": "nut", "defects": {"crack": CRACK}}))
    found = generate("nut", {"crack": CRACK})
    assert option.given(options(file)) == {"prompts": found}
    file.write_text(json.dumps(found.as_json()))
    assert option.given(options(file)) == {"prompts": found}
    assert option.given(options(None, "memory")) == {}


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"product": "x", "defects": [1]}', '{"product": 1}']
)
def test_a_file_that_holds_no_prompts_is_refused(tmp_path, text):
    file = tmp_path / "p.json"
    file.write_text(text)
    with pytest.raises(option.BadPrompts, match=r"p.json holds no prompts: write"):
        option.given(options(file))


def test_prompts_that_nobody_reads_are_refused(tmp_path):
    with pytest.raises(option.BadPrompts, match=r"no\.json cannot be read"):
        option.given(options(tmp_path / "no.json"))
    with pytest.raises(option.BadPrompts, match="choose --detector zeroshot"):
        option.given(options(tmp_path / "no.json", "memory"))
