from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.judgement import Candidate, Evaluation, Region
from inference.language.describe import describe, place

REGION = Region(
    bbox=(10, 20, 40, 8),
    contour=[[10, 20], [50, 28]],
    counts=[0],
    area_px=300,
    score=2.0,
    contrast=0.2,
    elongation=5.0,
    cell="top left",
)
DEFECT, UNDECIDED = Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE


def say(*regions: Region, evaluation: Evaluation = DEFECT, mm_per_px: float | None = None) -> str:
    return describe(evaluation, regions, width=200, height=100, mm_per_px=mm_per_px)


def of_type(code: str, probability: float = 0.9) -> Region:
    return replace(REGION, candidates=[Candidate(code=code, probability=probability)])


def test_a_good_part_gets_one_calm_sentence():
    assert say(evaluation=Evaluation.OK) == "No deviation from the normal reference was found."


def test_one_region_is_told_in_one_sentence():
    assert say(REGION) == (
        "A suspicious region was found at the top left: 40 x 8 pixels in extent, "
        "1.5 % of the picture, elongated and lighter than its surroundings."
    )


def test_a_known_scale_adds_millimetres():
    assert "40 x 8 pixels (2 x 0.4 mm) in extent" in say(REGION, mm_per_px=0.05)
    assert "mm" not in say(REGION)


def test_a_likely_type_is_named_with_care():
    assert say(of_type("surface_scratch")).startswith("A probable surface scratch was found")


def test_an_unlikely_type_is_not_named():
    assert say(of_type("scratch", 0.4)).startswith("A suspicious region was found")


def test_several_regions_are_counted_and_the_first_is_told():
    assert say(REGION, replace(REGION, cell="right"), REGION) == (
        "Three suspicious regions were found. The most striking one, a suspicious region at the "
        "top left, is 40 x 8 pixels in extent, 1.5 % of the picture, elongated and lighter than "
        "its surroundings."
    )


@pytest.mark.parametrize(
    ("codes", "start"),
    [
        (["scratch", "scratch"], "Two probable scratches were found."),
        (["bump", "bump", "dent"], "Two probable bumps and one probable dent were found."),
        (["cavity", "cavity"], "Two probable cavities were found."),
        (["ray", "ray"], "Two probable rays were found."),
        (["a", "b", "c"], "One probable a, one probable b and one probable c were found."),
        (["dent"] * 12, "12 probable dents were found."),
    ],
)
def test_several_types_are_counted_each(codes, start):
    assert say(*(of_type(code) for code in codes)).startswith(start)


def test_what_cannot_be_decided_is_not_called_a_defect():
    text = say(REGION, evaluation=UNDECIDED)
    assert text.endswith("Whether this is a defect cannot be decided from the picture alone.")
    assert text.startswith("A suspicious region")


@pytest.mark.parametrize("evaluation", [DEFECT, UNDECIDED])
def test_without_a_region_none_is_claimed(evaluation):
    assert "no single region stands out" in say(evaluation=evaluation)


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (0.3, "lighter than its surroundings"),
        (-0.3, "darker than its surroundings"),
        (0.01, "no lighter or darker than its surroundings"),
        (0.0, "no lighter or darker than its surroundings"),
    ],
)
def test_lightness_is_told_as_measured(contrast, words):
    assert f"and {words}." in say(replace(REGION, contrast=contrast, elongation=2.0))


@pytest.mark.parametrize(("elongation", "word"), [(1.2, "compact"), (3.0, "elongated")])
def test_a_clear_shape_is_named(elongation, word):
    assert word in say(replace(REGION, elongation=elongation))


def test_a_shape_between_is_not_named():
    text = say(replace(REGION, elongation=2.0))
    assert "compact" not in text and "elongated" not in text


@pytest.mark.parametrize(
    ("area_px", "words"),
    [(1, "less than 0.1 %"), (20, "0.1 %"), (1000, "5.0 %"), (9000, "45 %")],
)
def test_the_share_of_the_picture_is_told(area_px, words):
    assert f"{words} of the picture" in say(replace(REGION, area_px=area_px))


@pytest.mark.parametrize(
    ("cell", "words"),
    [("centre", "in the centre"), ("left", "on the left"), ("bottom right", "at the bottom right")],
)
def test_places_are_told_as_people_do(cell, words):
    assert place(cell) == words


@given(
    st.sampled_from([DEFECT, UNDECIDED]),
    st.lists(
        st.builds(
            replace,
            st.just(REGION),
            contrast=st.floats(-1, 1),
            elongation=st.floats(1, 50),
            area_px=st.integers(1, 20_000),
            cell=st.sampled_from(["centre", "top", "left", "bottom right"]),
        ),
        max_size=25,
    ),
    st.none() | st.floats(1e-4, 10),
)
def test_every_text_is_one_to_three_whole_sentences(evaluation, found, mm_per_px):
    text = say(*found, evaluation=evaluation, mm_per_px=mm_per_px)
    assert (text[0].isupper() or text[0].isdigit()) and text.endswith(".")
    assert "  " not in text and ".." not in text and " ," not in text
    assert 1 <= text.count(". ") + 1 <= 3
