import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.controlchart import Rule, Subgroup, laney

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def subgroups(pairs) -> list[Subgroup]:
    return [
        Subgroup(at=START + timedelta(hours=8 * n), events=int(events), trials=int(trials))
        for n, (events, trials) in enumerate(pairs)
    ]


def test_the_chart_worked_by_hand():
    """Centre 30/300 = 0.1, s = 0.03 each, so z is 0, 4/3 and -4/3 before it is divided."""
    chart = laney(subgroups([(10, 100), (14, 100), (6, 100)]))
    assert chart.centre == pytest.approx(0.1)
    moves = [0.04 / 0.03, 0.08 / 0.03]
    assert chart.sigma_z == pytest.approx(sum(moves) / 2 / 1.128)
    assert [one.z * chart.sigma_z for one in chart.points] == pytest.approx([0, 4 / 3, -4 / 3])
    assert chart.points[0].high == pytest.approx(0.1 + 3 * 0.03 * chart.sigma_z)
    assert chart.points[0].low == 0.0


def test_subgroups_of_another_size_have_limits_of_their_own():
    chart = laney(subgroups([(10, 100), (50, 400), (8, 100), (30, 400)]))
    small, large = chart.points[0], chart.points[1]
    assert small.high - chart.centre == pytest.approx(2 * (large.high - chart.centre))


def test_centre_and_spread_come_from_the_baseline():
    steady = [(10, 100), (12, 100), (9, 100), (11, 100)] * 6
    alone = laney(subgroups(steady))
    later = laney(subgroups([*steady, (60, 100)]), baseline=len(steady))
    assert (later.centre, later.sigma_z) == (alone.centre, alone.sigma_z)
    assert later.points[-1].rules == (Rule.BEYOND,) and later.points[-1].z > 3
    assert all(not one.rules for one in later.points[:-1])


def test_nine_in_a_row_on_one_side_are_a_signal_and_eight_are_none():
    base = [(10, 100), (14, 100)] * 15
    chart = laney(subgroups([*base, (11, 100), *[(14, 100)] * 10]), baseline=30)
    last = [one.rules for one in chart.points[-10:]]
    assert last == [()] * 8 + [(Rule.RUN,)] * 2
    below = laney(subgroups([*base, *[(10, 100)] * 9]), baseline=30)
    assert below.points[-1].rules == (Rule.RUN,) and below.points[-1].z < 0


@pytest.mark.parametrize("pairs", [[], [(1, 10)], [(0, 10)] * 5, [(9, 9)] * 5, [(0, 0)] * 5])
def test_what_tells_no_spread_has_no_chart(pairs):
    assert laney(subgroups(pairs)) is None


def test_shares_that_never_move_are_taken_as_chance():
    assert laney(subgroups([(1, 10)] * 5)).sigma_z == 1.0


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        Subgroup(at=START, events=3, trials=2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 500)), min_size=2), st.randoms())
def test_points_beyond_their_limits_are_those_beyond_three_sigma(pairs, random):
    groups = subgroups(pairs)
    chart = laney(random.sample(groups, len(groups)))
    if chart is None:
        return
    assert chart == laney(groups)
    for one in chart.points:
        assert 0 <= one.low <= chart.centre <= one.high <= 1
        if not math.isclose(abs(one.z), 3):
            outside = one.share < one.low or one.share > one.high
            # A limit at 0 or 1 is never passed, whatever the z value.
            assert outside <= (Rule.BEYOND in one.rules)
            if one.low > 0 and one.high < 1:
                assert outside == (Rule.BEYOND in one.rules)


def test_overdispersed_shares_seldom_signal_where_a_plain_p_chart_would():
    rng = np.random.default_rng(8)
    hits, plain = [], []
    for _ in range(40):
        rates = rng.normal(0.1, 0.02, 100).clip(0.01, 0.3)
        chart = laney(subgroups(zip(rng.binomial(2000, rates), [2000] * 100, strict=True)))
        hits += [Rule.BEYOND in one.rules for one in chart.points]
        plain += [abs(one.z * chart.sigma_z) > 3 for one in chart.points]
        assert chart.sigma_z > 2
    assert np.mean(hits) < 0.01 < 0.2 < np.mean(plain)
