"""The formulas of a line, each against a figure worked out by hand or by a library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from qms.reports import rates
from qms.reports.rates import share

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
