"""Agreement of appraisers, against published examples, a library and simulation."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from qms.reports.agreement import cohen, false_alarms, fleiss, misses, repeatability

WORDS = st.sampled_from(["OK", "NOT_OK", "NOT_DECIDABLE"])
PAIRS = st.lists(st.tuples(WORDS, WORDS), min_size=3, max_size=80)

# Fourteen psychiatrists, ten subjects, five diagnoses: the table that goes with Fleiss (1971).
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_fleiss_own_example():
    found = fleiss([dict(zip("abcde", row, strict=True)) for row in FLEISS])
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.low < 0.210 < found.high and found.n == 10


def test_cohen_by_hand():
    """20 both yes, 15 both no, 5 and 10 apart: observed 0.7, expected 0.5."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen(pairs).value == pytest.approx(0.4)


@given(PAIRS)
def test_cohen_agrees_with_a_library(pairs):
    found = cohen(pairs).value
    first, second = zip(*pairs, strict=True)
    if found is None:
        assert len({*first, *second}) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(first, second))


@given(PAIRS)
def test_who_is_named_first_makes_no_difference(pairs):
    one, other = cohen(pairs), cohen([(b, a) for a, b in pairs])
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert other.value == pytest.approx(one.value)
        assert (other.low, other.high) == pytest.approx((one.low, one.high))


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_interval_holds_what_is_true_about_as_often_as_it_says(seed):
    """Two appraisers who agree by more than chance in half of all cases: kappa is 0.5."""
    chance, held = random.Random(seed), 0
    for _ in range(40):
        pairs = []
        for _ in range(120):
            one = chance.choice(("OK", "NOT_OK"))
            pairs.append((one, one if chance.random() < 0.5 else chance.choice(("OK", "NOT_OK"))))
        found = cohen(pairs)
        held += found.low <= 0.5 <= found.high
    assert held >= 31  # 38 expected; fewer than 31 is rarer than one in 10,000


def test_two_appraisers_are_a_small_panel():
    """With equal shares of answers Fleiss and Cohen say nearly the same."""
    pairs = [("y", "y")] * 40 + [("n", "n")] * 40 + [("y", "n")] * 10 + [("n", "y")] * 10
    assert fleiss(Counter(pair) for pair in pairs).value == pytest.approx(cohen(pairs).value)


def test_perfect_agreement_is_one_and_one_answer_alone_says_nothing():
    assert cohen([("OK", "OK")] * 5 + [("NOT_OK", "NOT_OK")] * 5).value == 1.0
    alone = cohen([("OK", "OK")] * 9)
    assert alone.value is None and (alone.low, alone.high) == (-1.0, 1.0)
    assert cohen([]).n == 0


def test_a_kappa_that_hangs_on_one_part_is_not_called_sure():
    found = cohen([("OK", "OK")] * 20 + [("NOT_OK", "NOT_OK")])
    assert found.value == 1.0 and found.low == -1.0


@pytest.mark.parametrize("parts", [[{"a": 2}, {"a": 3}], [{"a": 1}]])
def test_a_panel_of_changing_size_is_refused(parts):
    with pytest.raises(ValueError, match="same number of answers"):
        fleiss(parts)


def test_repeatability_counts_only_what_was_seen_again():
    found = repeatability([("OK", "OK"), ("OK", "NOT_OK", "OK"), ("OK",), ("NOT_OK", "NOT_OK")])
    assert found.n == 3 and found.value == pytest.approx(2 / 3)


def test_misses_and_false_alarms_against_the_truth():
    said_and_true = [("OK", "NOT_OK"), ("NOT_OK", "NOT_OK"), ("NOT_OK", "OK"), ("OK", "OK")] * 5
    assert misses(said_and_true, "NOT_OK").value == 0.5
    assert false_alarms(said_and_true, "NOT_OK").value == 0.5
    assert misses([("OK", "OK")], "NOT_OK").value is None


def test_few_parts_without_a_quarrel_are_no_proof():
    few, many = (cohen([("OK", "OK")] * n + [("NOT_OK", "NOT_OK")] * n) for n in (5, 500))
    assert few.value == many.value == few.high == 1.0
    assert few.low == pytest.approx((0.7225 - 0.5) / 0.5, abs=1e-3)  # Wilson of 10 of 10
    assert 0.99 < many.low < 1.0
    panel = fleiss([{"OK": 3}] * 5 + [{"NOT_OK": 3}] * 5)
    assert panel.low == pytest.approx(few.low)


def test_who_says_the_same_of_every_part_tells_nothing_for_sure():
    found = cohen([("OK", "OK")] * 6 + [("OK", "NOT_OK")] * 6)
    assert found.value == pytest.approx(0.0)
    assert (found.low, found.high) == (-1.0, 1.0)
