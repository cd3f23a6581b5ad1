import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial, norm

from inference import metrics
from labeling.paired import (
    Clustered,
    bootstrap,
    decisions,
    delong,
    exact_bound,
    mcnemar,
    parts_needed,
    ranking,
    score_bounds,
)

counts = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100)).filter(any)


# --- decisions -----------------------------------------------------------------------------


def test_mcnemar_gives_the_published_values():
    """Bentur et al. (2009) as worked out by Fagerland, Lydersen and Laake (2014)."""
    assert mcnemar(7, 1) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(7, 1, mid=True) == pytest.approx(0.0391, abs=5e-5)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test_of_the_parts_that_differ(lost, gained):
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected)
    assert mcnemar(lost, gained) == mcnemar(gained, lost)
    assert mcnemar(lost, gained, mid=True) <= mcnemar(lost, gained)


@pytest.mark.parametrize(
    ("lost", "gained", "trials", "confidence", "low", "high"),
    [
        (1, 0, 44, 0.95, -0.096, 0.037),  # Tango (1998), lens disinfection
        (7, 1, 21, 0.975, -0.517, -0.026),  # Fagerland et al. (2014), airways
    ],
)
def test_the_score_bounds_are_the_published_ones(lost, gained, trials, confidence, low, high):
    found = score_bounds(lost, gained, trials, confidence)
    assert found == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


@settings(deadline=None)
@given(st.integers(1, 500))
def test_where_nothing_differs_the_bounds_have_a_closed_form(trials):
    z = norm.ppf(0.95)
    low, high = score_bounds(0, 0, trials)
    assert high == pytest.approx(-low) == pytest.approx(z**2 / (trials + z**2))


@settings(deadline=None)
@given(counts)
def test_the_score_bounds_hold_what_was_seen_and_turn_with_the_sides(found):
    lost, gained, same = found
    trials = lost + gained + same
    low, high = score_bounds(lost, gained, trials)
    assert -1 <= low <= (gained - lost) / trials <= high <= 1
    turned = score_bounds(gained, lost, trials)
    assert turned == (pytest.approx(-high, abs=1e-6), pytest.approx(-low, abs=1e-6))
    assert score_bounds(lost * 0.5, gained * 0.5, trials * 0.5)[0] <= low + 1e-9


def chance_of_passing(bound, trials: int, margin: float, gained: float) -> float:
    """That a candidate which is worse by exactly the margin is taken for no worse, in full."""
    chances = multinomial(trials, [gained + margin, gained, 1 - 2 * gained - margin])
    outcomes = [(a, b) for a, b in product(range(trials + 1), repeat=2) if a + b <= trials]
    passing = [(a, b) for a, b in outcomes if a <= 12 and b <= 14 and bound(a, b) >= -margin]
    return sum(float(chances.pmf([a, b, trials - a - b])) for a, b in passing)


@pytest.mark.parametrize("gained", [0.0, 0.01, 0.03])
def test_non_inferiority_is_seldom_shown_of_a_model_that_is_worse_by_the_margin(gained):
    n, margin = 70, 0.05
    by_score = chance_of_passing(lambda a, b: score_bounds(a, b, n)[0], n, margin, gained)
    exactly = chance_of_passing(lambda a, b: exact_bound(a, b, n), n, margin, gained)
    assert exactly <= 0.05
    assert by_score <= 0.08  # an approximation: that is why few critical parts take the exact one
    assert exactly <= by_score


@settings(deadline=None)
@given(counts)
def test_the_exact_bound_is_more_cautious_than_what_was_seen(found):
    lost, gained, same = found
    trials = lost + gained + same
    assert -1 <= exact_bound(lost, gained, trials) <= (gained - lost) / trials
    assert exact_bound(lost + 1, gained, trials + 1) <= exact_bound(lost, gained, trials + 1)


@settings(deadline=None)
@given(st.floats(0.005, 0.5))
def test_as_many_parts_as_are_needed_show_it_and_one_fewer_does_not(margin):
    n = parts_needed(margin)
    assert exact_bound(0, 0, n) >= -margin
    assert n == 1 or exact_bound(0, 0, n - 1) < -margin
    assert parts_needed(0.05) == 63


def test_decisions_are_told_of_parts():
    champion = [True, True, True, True, False, True]
    candidate = [True, False, False, True, True, True]
    groups = ["a", "a", "a", "b", "c", ""]
    found = decisions(champion, candidate, groups)
    assert (found.trials, found.lost, found.gained) == (4, 1, 1)
    assert found.p == 1.0 and found.difference == 0
    assert (found.low, found.high) == score_bounds(1, 1, 4)
    assert decisions(champion, candidate).lost == 2


def test_equal_weights_change_nothing_and_unequal_ones_count():
    champion, candidate = [True] * 10 + [False] * 10, [False] * 2 + [True] * 18
    plain = decisions(champion, candidate)
    assert decisions(champion, candidate, weights=[7.0] * 20) == plain
    found = decisions(champion, candidate, weights=[50.0] * 10 + [1.0] * 10)
    assert found.champion == pytest.approx(500 / 510)
    assert found.candidate == pytest.approx(410 / 510)
    assert found.p is None and found.difference < 0 < plain.difference


def test_weighted_bounds_hold_the_truth_where_the_champion_chose_what_was_seen():
    """All that the champion flags is seen, and one in ten of what it passes."""
    rng, missed = np.random.default_rng(4), 0
    for _ in range(300):
        called, called_now = rng.random(1000) < 0.06, rng.random(1000) < 0.09
        seen = called | (rng.random(1000) < 0.1)
        weights = np.where(called, 1.0, 10.0)[seen]
        found = decisions((~called)[seen], (~called_now)[seen], weights=weights)
        missed += found.high < -0.03
        assert abs(found.difference + 0.03) < 0.15
    assert missed / 300 <= 0.08


@pytest.mark.parametrize(("lost", "sure"), [(3, False), (4, False), (5, True)])
def test_it_takes_five_losses_without_a_gain_to_be_surely_worse(lost, sure):
    found = decisions([True] * 300, [False] * lost + [True] * (300 - lost))
    assert found.surely_worse == sure and found.no_worse_than(0.05)


def test_nothing_decided_is_refused():
    with pytest.raises(ValueError, match="nothing was decided"):
        decisions([], [])


# --- rankings ------------------------------------------------------------------------------


def two_models(rng, bad: int, good: int, first: float, second: float, common: float = 0.6):
    truth = np.arange(bad + good) < bad
    shared = rng.normal(size=bad + good) * math.sqrt(common)
    own = rng.normal(size=(2, bad + good)) * math.sqrt(1 - common)
    return shared + own[0] + truth * first, shared + own[1] + truth * second, truth


def by_definition(first, second, truth):
    """DeLong's estimate from every pair of a defect and a good, in plain loops."""

    def wins(scores):
        bad, good = scores[truth], scores[~truth]
        return np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in good] for x in bad])

    gap = wins(np.asarray(second)) - wins(np.asarray(first))
    variance = np.var(gap.mean(1), ddof=1) / len(gap) + np.var(gap.mean(0), ddof=1) / gap.shape[1]
    return gap.mean(), math.sqrt(variance)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12), st.integers(1, 8))
def test_delong_is_what_its_definition_says(seed, bad, good, values):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(bad + good) < bad)
    first, second = rng.integers(0, values, (2, bad + good)).astype(float)  # many ties
    found, (difference, deviation) = (
        delong(first, second, truth),
        by_definition(first, second, truth),
    )
    assert found.difference == pytest.approx(difference)
    assert found.champion == pytest.approx(metrics.auroc(first, truth))
    assert found.high - found.low == pytest.approx(2 * norm.ppf(0.95) * deviation)
    if deviation > 1e-9:
        assert found.p == pytest.approx(2 * norm.sf(abs(difference) / deviation))


def test_delong_worked_by_hand():
    """Two defects and two goods: placements (1, 1/2) and (1, 1); all goes by quarters."""
    found = delong([3, 1, 2, 0], [3, 2, 1, 0], [True, True, False, False])
    assert (found.champion, found.candidate) == (0.75, 1.0)
    deviation = math.sqrt(0.125 / 2 + 0.125 / 2)
    assert found.low == pytest.approx(0.25 - norm.ppf(0.95) * deviation)


@pytest.mark.parametrize(("first", "second"), [(1.5, 1.5), (2.0, 1.2)])
def test_delong_covers_the_truth_and_finds_no_difference_where_there_is_none(first, second):
    rng = np.random.default_rng(1)
    truth = norm.cdf(second / math.sqrt(2)) - norm.cdf(first / math.sqrt(2))
    found = [delong(*two_models(rng, 60, 90, first, second)) for _ in range(600)]
    above = np.mean([one.low > truth for one in found])
    below = np.mean([one.high < truth for one in found])
    assert max(above, below) <= 0.09 and above + below == pytest.approx(0.1, abs=0.03)
    if first == second:
        assert np.mean([one.p < 0.05 for one in found]) == pytest.approx(0.05, abs=0.025)


def test_the_bootstrap_agrees_with_delong_where_both_may_be_used():
    first, second, truth = two_models(np.random.default_rng(2), 80, 120, 1.5, 1.8)
    plain, drawn = delong(first, second, truth), bootstrap(first, second, truth)
    assert drawn.difference == pytest.approx(plain.difference)
    assert drawn.low == pytest.approx(plain.low, abs=0.012)
    assert drawn.high == pytest.approx(plain.high, abs=0.012)
    assert ranking(first, second, truth) == plain


def clustered(rng, bad: int, good: int, views: int, shift: float):
    """Each part is seen several times, and its looks are nearly the same."""
    truth = np.repeat(np.arange(bad + good) < bad, views)
    part = rng.normal(size=(2, bad + good)).repeat(views, axis=1)
    first, second = part + 0.2 * rng.normal(size=(2, len(truth))) + truth * shift
    return first, second, truth, [f"P{n}" for n in np.repeat(np.arange(bad + good), views)]


def test_several_pictures_of_a_part_are_refused_by_delong_and_covered_by_the_bootstrap():
    rng = np.random.default_rng(3)
    naive, drawn = [], []
    for _ in range(150):
        first, second, truth, groups = clustered(rng, 25, 35, 5, 1.5)
        naive.append(delong(first, second, truth).low > 0)
        drawn.append(bootstrap(first, second, truth, groups, resamples=200).low > 0)
    assert np.mean(naive) > 0.15  # as if there were five times as many parts
    assert np.mean(drawn) <= 0.1
    with pytest.raises(Clustered, match="use the bootstrap"):
        delong(first, second, truth, groups)
    assert ranking(first, second, truth, groups).method == "bootstrap over parts"


def test_weights_are_pictures_that_are_seen_several_times():
    first, second, truth = two_models(np.random.default_rng(5), 20, 30, 1.0, 1.4)
    times = np.random.default_rng(6).integers(1, 5, 50)
    weighted = bootstrap(first, second, truth, weights=times)
    many = np.repeat(np.arange(50), times)
    groups = [f"P{n}" for n in many]
    repeated = bootstrap(first[many], second[many], truth[many], groups)
    assert weighted.champion == pytest.approx(repeated.champion)
    assert weighted.difference == pytest.approx(repeated.difference)
    assert ranking(first, second, truth, weights=times).method == "bootstrap over parts"


def test_the_same_scores_are_no_difference_at_all():
    first, _, truth = two_models(np.random.default_rng(7), 30, 30, 1.0, 1.0)
    for found in (delong(first, first, truth), bootstrap(first, first * 2 + 1, truth)):
        assert found.difference == found.low == found.high == 0
        assert found.no_worse_than(0) and not found.surely_worse


@pytest.mark.parametrize("truth", [[True] * 4, [False] * 4, [True, False, False, False]])
def test_too_few_of_a_class_are_refused(truth):
    with pytest.raises(ValueError, match="two defects"):
        delong([1, 2, 3, 4], [1, 2, 3, 4], truth)
