import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.binomial import upper_bound
from inference.judgement import Evaluation
from inference.thresholds import Thresholds, calibrate, p_value, promise

scores_of_normals = st.lists(st.floats(0.01, 100, allow_nan=False), min_size=1, max_size=60)


@given(scores_of_normals, st.floats(0, 120))
def test_a_p_value_counts_the_normals_that_look_as_odd(scores, score):
    by_hand = (1 + sum(normal >= score for normal in scores)) / (len(scores) + 1)
    assert p_value(sorted(scores), score) == pytest.approx(by_hand)


@given(scores_of_normals, st.floats(0, 120), st.floats(0.001, 0.09))
def test_the_thresholds_say_what_the_p_value_says(scores, score, rate):
    limits = calibrate(scores, false_call_rate=rate)
    p = p_value(limits.calibration, score)
    evaluation = limits.evaluation(score)
    if evaluation is Evaluation.NOT_OK:
        assert p <= max(rate, 1 / (len(scores) + 1)) + 1e-12
    if evaluation is Evaluation.OK:
        assert p > min(0.10, rate) - 1e-12
    assert limits.probability(score) == pytest.approx(1 - p)


@given(scores_of_normals, st.floats(0.001, 0.09))
def test_the_middle_lies_between_ok_and_not_ok(scores, rate):
    limits = calibrate(scores, false_call_rate=rate)
    assert limits.ok <= limits.not_ok
    assert limits.evaluation(limits.not_ok) is Evaluation.NOT_OK
    assert limits.evaluation(np.nextafter(limits.ok, -np.inf)) is Evaluation.OK
    if limits.ok < limits.not_ok:
        assert limits.evaluation(limits.ok) is Evaluation.NOT_DECIDABLE


@given(scores_of_normals)
def test_no_more_normals_are_called_false_than_was_asked(scores):
    limits = calibrate(scores, false_call_rate=0.05)
    called = sum(limits.evaluation(score) is Evaluation.NOT_OK for score in scores)
    assert called <= 0.05 * (len(scores) + 1)


def test_new_normals_are_called_false_as_often_as_asked():
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(400):
        limits = calibrate(rng.lognormal(0, 0.3, 200), false_call_rate=0.05)
        rates.append(np.mean(rng.lognormal(0, 0.3, 200) >= limits.not_ok))
    assert 0.035 < np.mean(rates) <= 0.055


@given(st.lists(st.floats(1, 2), min_size=3, max_size=20))
def test_few_normals_put_the_upper_threshold_beyond_the_oddest(scores):
    limits = calibrate(scores, false_call_rate=0.01)
    assert limits.not_ok > max(scores)
    assert limits.ok <= limits.not_ok


def test_fewer_normals_make_a_wider_middle():
    rng = np.random.default_rng(1)
    widths = []
    for count in (5, 20, 80, 2000):
        limits = [calibrate(1 + rng.exponential(0.2, count)) for _ in range(200)]
        widths.append(np.mean([limit.not_ok - limit.ok for limit in limits]))
    assert widths[0] > widths[2] > 0 and widths[1] > widths[3] * 0.9


@pytest.mark.parametrize(
    ("count", "percent"), [(29, "9.9"), (59, "5"), (149, "2"), (299, "1"), (598, "0.5")]
)
def test_the_promise_agrees_with_the_published_counts(count, percent):
    assert promise(count, 0) == (
        f"with {count} held-out normals: false calls <= {percent} % at 95 % confidence"
    )


def test_one_normal_promises_next_to_nothing():
    assert promise(1, 0) == "with 1 held-out normal: false calls <= 95 % at 95 % confidence"


@given(st.integers(1, 300), st.data())
def test_the_bound_is_the_rate_at_which_so_few_events_become_unlikely(trials, data):
    events = data.draw(st.integers(0, trials - 1))
    bound = upper_bound(events, trials, 0.95)
    assert events / trials < bound < 1
    assert binomial_at_most(events, trials, bound) == pytest.approx(0.05, abs=1e-6)


def binomial_at_most(events: int, trials: int, rate: float) -> float:
    return math.fsum(
        math.comb(trials, count) * rate**count * (1 - rate) ** (trials - count)
        for count in range(events + 1)
    )


def test_pictures_of_one_part_count_once():
    scores = np.linspace(1, 2, 60)
    alone = calibrate(scores)
    together = calibrate(scores, [f"part {index // 6}" for index in range(60)])
    assert (alone.independent, together.independent) == (60, 10)
    assert (alone.ok, alone.not_ok) == (together.ok, together.not_ok)
    assert "with 10 held-out normals" in together.promise


def test_an_empty_group_is_a_part_of_its_own():
    assert calibrate([1, 2, 3, 4], ["", "", "a", "a"]).independent == 3


@pytest.mark.parametrize("scores", [[], [float("nan")], [1.0, float("inf")]])
def test_calibration_without_usable_scores_is_refused(scores):
    with pytest.raises(ValueError, match="at least one finite score"):
        calibrate(scores)


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.2, 0.1), (0.01, 1.0)])
def test_rates_out_of_order_are_refused(rates):
    with pytest.raises(ValueError, match="rates"):
        calibrate([1.0, 2.0], false_call_rate=rates[0], undecided_rate=rates[1])


@given(scores_of_normals)
def test_thresholds_survive_json(scores):
    limits = calibrate(scores)
    assert Thresholds.from_json(json.loads(json.dumps(limits.as_json()))) == limits
