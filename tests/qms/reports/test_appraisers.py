"""Who is measured against what: the truth of a part, and figures by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.reports.appraisers import Look, agree, truth_of
from qms.reports.plots import FALSE_ALARMS, KAPPA, MISSES, REPEATED, WIDTH, figure, panels, rows
from qms.reports.rates import Estimate, share

START = datetime(2026, 11, 22, 6, tzinfo=UTC)
VERIFY, SECOND, BOARD = 1, 2, 3


def look(person, said, *, part=1, model="", rank=0, holds=False, at=0, trial=None) -> Look:
    return Look(
        part=UUID(int=part),
        person=person,
        said=said,
        at=START + timedelta(minutes=at),
        model=model,
        rank=rank,
        holds=holds,
        trial=trial,
    )


def test_a_second_opinion_and_the_board_stand_above_the_many():
    many = [look(name, "OK", at=n) for n, name in enumerate("abcd")]
    second = look("lea", "NOT_OK", rank=SECOND, at=5)
    board = look("mara", "NOT_DECIDABLE", rank=BOARD, at=4)
    assert truth_of([*many, second]).said == "NOT_OK"
    assert truth_of([*many, second, board]).said == "NOT_DECIDABLE"
    assert truth_of([*many, second, board]).by == "mara"


def test_three_people_have_a_majority_two_have_not():
    held = look("olga", "OK", rank=VERIFY, holds=True)
    two = [held, look("a", "NOT_OK", at=1)]
    assert (truth_of(two).said, truth_of(two).by) == ("OK", "olga")
    three = [*two, look("b", "NOT_OK", at=2)]
    assert (truth_of(three).said, truth_of(three).by) == ("NOT_OK", None)
    tie = [*three, look("c", "OK", at=3)]
    assert truth_of(tie).said == "OK"


def test_a_person_has_one_vote_however_often_they_look():
    looks = [
        look("olga", "OK", rank=VERIFY, holds=True),
        *[look("a", "NOT_OK", at=n, trial=n) for n in (1, 2, 3)],
    ]
    assert truth_of(looks).said == "OK"


def test_nobody_is_measured_against_their_own_word():
    own = [look("a", "NOT_OK", part=n, rank=VERIFY, holds=True, model="OK") for n in range(5)]
    (a,) = agree(own).people
    assert (a.kappa.n, a.misses.n, a.parts) == (0, 0, 5)
    assert agree(own).model.misses == share(5, 5)


def test_figures_by_hand():
    """Ten bad and ten good parts; a lead told the truth of all; ines errs at one of each kind."""
    truth = ["NOT_OK"] * 10 + ["OK"] * 10
    said = ["OK", *["NOT_OK"] * 9, "NOT_DECIDABLE", *["OK"] * 9]
    model = ["NOT_OK"] * 8 + ["NOT_DECIDABLE", "OK"] + ["OK"] * 8 + ["NOT_OK"] * 2
    hers = [look("ines", s, part=n, model=model[n]) for n, s in enumerate(said)]
    leads = [look("lea", s, part=n, rank=SECOND, holds=True) for n, s in enumerate(truth)]
    found = agree(hers, beside=leads)
    (ines,) = found.people
    assert (found.parts, found.looks) == (20, 20)
    assert (ines.misses, ines.false_alarms) == (share(1, 10), share(1, 10))
    assert (found.model.misses, found.model.false_alarms) == (share(1, 10), share(2, 10))
    assert ines.kappa.value == pytest.approx((0.9 - 0.475) / (1 - 0.475))
    assert ines.with_model.n == 20
    assert found.panels == []


def test_repeatability_is_of_the_same_person_at_the_same_part():
    looks = [
        look("ines", "OK", part=1, at=1), look("ines", "OK", part=1, at=9),
        look("ines", "OK", part=2, at=1), look("ines", "NOT_OK", part=2, at=9),
        look("carl", "OK", part=1, at=2),
    ]  # fmt: skip
    carl, ines = agree(looks).people
    assert (ines.repeatability, carl.repeatability) == (share(1, 2), share(0, 0))
    assert [(panel.people, panel.kappa.n) for panel in agree(looks).panels] == [(2, 1)]


def test_what_another_model_judged_says_nothing_of_this_one():
    found = agree([look("a", "OK", part=n, model="") for n in range(4)])
    assert (found.model.parts, found.model.kappa.n) == (0, 0)


WORDS = st.sampled_from(["OK", "NOT_OK", "NOT_DECIDABLE"])
LOOKS = st.lists(
    st.builds(
        look,
        st.sampled_from(["ines", "carl", "lea"]),
        WORDS,
        part=st.integers(1, 6),
        model=WORDS,
        rank=st.sampled_from([0, 0, 1, 2]),
        at=st.integers(0, 99),
    ),
    max_size=30,
)


@given(LOOKS, LOOKS)
def test_any_looks_can_be_told_and_drawn(counted, beside):
    found = agree(counted, beside=beside)
    assert found.parts <= found.looks
    drawn = [cell for row in rows(found) for cell in (row.kappa, row.misses, row.false_alarms)]
    for cell in [*drawn, *(one for _, one in panels(found))]:
        assert 0 <= cell.low <= cell.high <= WIDTH
        assert cell.point is None or cell.low <= cell.point <= cell.high
        assert (cell.point is None) == (cell.word == "")


@pytest.mark.parametrize(
    ("value", "rule", "word"),
    [
        (0.75, KAPPA, "good"), (0.7460, KAPPA, "good"), (0.74, KAPPA, "marginal"), (0.39, KAPPA, "poor"),
        (0.9, REPEATED, "good"), (0.8, REPEATED, "marginal"), (0.799, REPEATED, "poor"),
        (0.02, MISSES, "good"), (0.05, MISSES, "marginal"), (0.051, MISSES, "poor"),
        (0.0, FALSE_ALARMS, "good"), (0.1, FALSE_ALARMS, "marginal"), (0.2, FALSE_ALARMS, "poor"),
    ],
)  # fmt: skip
def test_the_words_are_those_of_aiag(value, rule, word):
    assert figure(Estimate(value, value, value, 50), rule).word == word


def test_a_figure_whose_interval_reaches_another_word_is_not_sure():
    assert not figure(Estimate(0.8, 0.6, 0.95, 20), KAPPA).sure
    assert figure(Estimate(0.9, 0.8, 0.95, 90), KAPPA).sure
    unknown = figure(Estimate(None, -1.0, 1.0, 0), KAPPA)
    assert (unknown.text, unknown.word, unknown.label, unknown.sure) == (
        "–",
        "",
        "not known",
        False,
    )
    below = figure(Estimate(-0.2, -0.6, 0.3, 9), KAPPA)
    assert (below.text, below.word, below.reaches, below.low) == ("−0.20", "poor", True, 6.0)
