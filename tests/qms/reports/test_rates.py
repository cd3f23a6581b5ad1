"""The formulas of a line, each against a figure worked out by hand or by a library."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from labeling.weighing import effective_size
from qms.reports import rates
from qms.reports.rates import share, trials_needed, weighted_share

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_the_interval_is_wilsons(counts):
    hits, trials = counts
    expected = binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    found = share(hits, trials)
    assert found.low == pytest.approx(expected.low, abs=1e-6)
    assert found.high == pytest.approx(expected.high, abs=1e-6)
    assert found.low <= hits / trials <= found.high


@given(COUNTS)
def test_more_of_the_same_makes_the_interval_narrower(counts):
    hits, trials = counts
    once, often = share(hits, trials), share(10 * hits, 10 * trials)
    assert often.high - often.low < once.high - once.low


def test_nothing_counted_is_nothing_known():
    assert share(0, 0) == rates.Estimate(None, 0.0, 1.0, 0)
    assert rates.defects_per_unit(0, 0) is None
    assert rates.defects_per_million(0, 0, 5) is None


@pytest.mark.parametrize(("hits", "trials"), [(-1, 4), (5, 4)])
def test_what_is_no_share_is_refused(hits, trials):
    with pytest.raises(ValueError, match="is no share"):
        share(hits, trials)


def test_rates_by_hand():
    assert rates.first_pass_yield(95, 100).value == 0.95
    assert rates.false_call_rate(3, 12).value == 0.25
    assert rates.escape_rate(1, 50).value == 0.02
    assert rates.review_load(20, 400).value == 0.05
    assert rates.defects_per_unit(6, 40) == 0.15
    assert rates.defects_per_million(6, 40, 10) == 15_000


def test_a_unit_without_opportunities_is_refused():
    with pytest.raises(ValueError, match="at least one opportunity"):
        rates.defects_per_million(1, 1, 0)


WEIGHED = st.lists(st.tuples(st.booleans(), st.floats(0.5, 200)), min_size=1, max_size=60)


@given(COUNTS)
def test_equal_weights_are_no_weights(counts):
    hits, trials = (counts[0] % 60, counts[1] % 60 + 60)
    found = weighted_share([(n < hits, 7.0) for n in range(trials)])
    plain = share(hits, trials)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    assert (found.value, found.n) == (pytest.approx(plain.value), trials)


@given(WEIGHED)
def test_a_weighted_share_lies_in_its_interval_which_is_wider_than_without_weights(rows):
    found = weighted_share(rows)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(sum(w for hit, w in rows if hit) / sum(w for _, w in rows))
    assert 1 - 1e-9 <= effective_size(w for _, w in rows) <= len(rows) + 1e-9


@given(WEIGHED, st.floats(0.01, 100))
def test_only_the_proportions_of_the_weights_count(rows, times):
    once, often = weighted_share(rows), weighted_share([(hit, w * times) for hit, w in rows])
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_weights_undo_what_unequal_chances_did(seed):
    """One part in ten is bad where few are drawn, half where all are: the truth is 2/11."""
    chance, values, held = random.Random(seed), [], 0
    for _ in range(60):
        seldom = [(chance.random() < 0.1, 5.0) for _ in range(800) if chance.random() < 0.2]
        always = [(n % 2 == 0, 1.0) for n in range(200)]
        found = weighted_share([*seldom, *always])
        values.append(found.value)
        held += found.low <= 0.18 <= found.high
    assert sum(values) / len(values) == pytest.approx(0.18, abs=0.02)
    assert held >= 48


def test_what_could_not_be_drawn_has_no_weight():
    for weight in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="weighs more than nothing"):
            weighted_share([(True, weight)])
    assert weighted_share([]) == rates.Estimate(None, 0.0, 1.0, 0)


@given(st.floats(0.001, 0.5))
def test_so_many_clean_parts_tell_a_rate_and_one_fewer_does_not(rate):
    needed = trials_needed(rate)
    assert share(0, needed).high <= rate + 1e-12
    assert needed == 1 or share(0, needed - 1).high > rate
