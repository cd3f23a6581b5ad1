import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn import metrics as known

from inference import metrics
from inference.judgement import Evaluation
from inference.pixelmetrics import PixelTally, area_up_to

OK, NOT_OK, UNDECIDED = Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE

# Few distinct scores, so that ties are common.
labelled = st.lists(
    st.tuples(st.integers(0, 12).map(lambda n: n / 4), st.booleans()), min_size=2, max_size=60
)


def split(pairs):
    scores, truth = zip(*pairs, strict=True)
    assume(any(truth) and not all(truth))
    return np.array(scores), np.array(truth)


@given(labelled)
def test_auroc_agrees_with_scikit_learn_and_with_counting_pairs(pairs):
    scores, truth = split(pairs)
    found = metrics.auroc(scores, truth)
    assert found == pytest.approx(known.roc_auc_score(truth, scores))
    wins = [(bad > good) + 0.5 * (bad == good) for bad in scores[truth] for good in scores[~truth]]
    assert found == pytest.approx(np.mean(wins))


@given(labelled)
def test_average_precision_agrees_with_scikit_learn(pairs):
    scores, truth = split(pairs)
    expected = known.average_precision_score(truth, scores)
    assert metrics.average_precision(scores, truth) == pytest.approx(expected)


@given(labelled)
def test_the_best_f1_is_that_of_trying_every_threshold(pairs):
    scores, truth = split(pairs)
    tried = [known.f1_score(truth, scores >= cut) for cut in set(scores)]
    assert metrics.f1_max(scores, truth) == pytest.approx(max(tried))


@given(labelled)
def test_auroc_ignores_how_scores_are_scaled(pairs):
    scores, truth = split(pairs)
    assert metrics.auroc(np.exp(scores), truth) == pytest.approx(metrics.auroc(scores, truth))
    assert metrics.auroc(-scores, truth) == pytest.approx(1 - metrics.auroc(scores, truth))


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_one_class_alone_has_no_auroc(truth):
    assert np.isnan(metrics.auroc([1, 2], truth))


evaluations = st.lists(st.tuples(st.sampled_from(list(Evaluation)), st.booleans()), min_size=1)


@given(evaluations)
def test_the_gate_rates_are_those_of_a_plain_loop(pairs):
    defects = [e for e, bad in pairs if bad]
    normals = [e for e, bad in pairs if not bad]
    assume(defects and normals)
    rates = metrics.gate_rates([e for e, _ in pairs], [bad for _, bad in pairs])
    assert rates["false_call_rate"] == pytest.approx(normals.count(NOT_OK) / len(normals))
    assert rates["escape_rate"] == pytest.approx(defects.count(OK) / len(defects))
    undecided = sum(e is UNDECIDED for e, _ in pairs)
    assert rates["not_decidable_rate"] == pytest.approx(undecided / len(pairs))
    caught = [e is not OK for e, _ in pairs]
    expected = known.balanced_accuracy_score([bad for _, bad in pairs], caught)
    assert rates["balanced_accuracy"] == pytest.approx(expected)


def test_each_defect_type_is_rated_against_all_normals():
    scores = [0.1, 0.2, 0.3, 0.9, 0.15]
    types = ["", "", "dent", "dent", "hole"]
    figures = metrics.by_type(scores, types, [OK, OK, UNDECIDED, NOT_OK, OK])
    assert figures["dent"] == {"image_auroc": 1.0, "recall": 1.0, "images": 2}
    assert figures["hole"] == {"image_auroc": 0.5, "recall": 0.0, "images": 1}


def test_latency_is_told_by_its_percentiles():
    assert metrics.latency(range(101)) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def maps(seed: int, count: int = 5, side: int = 24):
    """Heat maps with a warm square or two, and their masks; the first picture is good."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        heat = rng.normal(1, 0.3, (side, side)).astype(np.float32)
        truth = np.zeros((side, side), bool)
        for _ in range(min(number, 2)):
            x, y = rng.integers(0, side - 6, 2)
            truth[y : y + 5, x : x + 4] = True
            heat[y : y + 5, x : x + 4] += rng.uniform(0, 1)
        yield heat, truth


def tallied(seed: int) -> PixelTally:
    found = list(maps(seed))
    tally = PixelTally(
        low=min(float(heat.min()) for heat, _ in found),
        high=max(float(heat.max()) for heat, _ in found),
    )
    for heat, truth in found:
        tally.add(heat, truth)
    return tally


def flat(seed: int):
    heats, truths = zip(*maps(seed), strict=True)
    return np.concatenate([h.ravel() for h in heats]), np.concatenate([t.ravel() for t in truths])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_pixel_figures_agree_with_scikit_learn_within_a_bin(seed):
    heat, truth = flat(seed)
    tally = tallied(seed)
    assert tally.auroc() == pytest.approx(known.roc_auc_score(truth, heat), abs=1e-3)
    expected = known.average_precision_score(truth, heat)
    assert tally.average_precision() == pytest.approx(expected, abs=5e-3)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_aupro_is_that_of_a_plain_loop(seed):
    assert tallied(seed).aupro() == pytest.approx(aupro_by_hand(seed), abs=2e-3)


def aupro_by_hand(seed: int, limit: float = 0.3) -> float:
    found = list(maps(seed))
    normal = np.concatenate([heat[~truth] for heat, truth in found])
    spots = []
    for heat, truth in found:
        labels, count = ndimage.label(truth, np.ones((3, 3)))
        spots += [heat[labels == label] for label in range(1, count + 1)]
    cuts = np.sort(np.concatenate([heat.ravel() for heat, _ in found]))[::-1]
    rate = [0.0] + [(normal >= cut).mean() for cut in cuts]
    overlap = [0.0] + [float(np.mean([(spot >= cut).mean() for spot in spots])) for cut in cuts]
    return area_up_to(np.array(rate), np.array(overlap), limit) / limit


def test_a_perfect_map_has_perfect_pixel_figures():
    truth = np.zeros((32, 32), bool)
    truth[4:9, 4:9] = truth[20:22, 20:30] = True
    tally = PixelTally(low=0.0, high=1.0)
    tally.add(truth.astype(np.float32), truth)
    assert tally.auroc() == 1.0
    assert tally.average_precision() == 1.0
    assert tally.aupro() == pytest.approx(1.0)


def test_small_defects_weigh_as_much_as_large_ones_in_aupro():
    truth = np.zeros((64, 64), bool)
    truth[0:32, 0:32] = truth[60:62, 60:62] = True
    heat = np.zeros((64, 64), np.float32)
    heat[0:32, 0:32] = 1.0
    tally = PixelTally(low=0.0, high=1.0)
    tally.add(heat, truth)
    assert 0.5 <= tally.aupro() < 0.7


def test_the_area_ends_exactly_at_the_limit():
    x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    assert area_up_to(x, y, 0.3) == pytest.approx(0.045)
    assert area_up_to(np.array([0.0, 0.2, 1.0]), np.array([1.0, 1.0, 1.0]), 0.3) == pytest.approx(
        0.3
    )


def test_without_a_defect_there_are_no_pixel_figures():
    tally = PixelTally(low=0.0, high=1.0)
    tally.add(np.zeros((8, 8), np.float32), np.zeros((8, 8), bool))
    assert np.isnan(tally.auroc()) and np.isnan(tally.aupro())
