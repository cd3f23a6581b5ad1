import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.usual import Usual, scores


def distances(seed: int, count: int = 20) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = ((count, 16, 16), (count, 8, 8))
    return [rng.uniform(0.1, 0.4, shape).astype(np.float32) for shape in shapes]


def test_the_median_normal_scores_one():
    usual, normal = Usual.of(distances(0), [0.2, 1.0])
    assert np.median(normal) == pytest.approx(1.0)
    assert scores(usual.heat(distances(0))) == pytest.approx(normal)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.integers(0, 1), st.floats(0, 2))
def test_heat_never_falls_when_a_distance_grows(seed, level, more):
    usual, _ = Usual.of(distances(1), [0.2, 1.0])
    before = distances(seed, 1)
    after = [one.copy() for one in before]
    after[level][0, 3, 5] += np.float32(more)
    assert (usual.heat(after) >= usual.heat(before) - 1e-5).all()


def test_a_place_that_is_always_far_is_less_suspicious():
    normal = distances(2)
    normal[0][:, 8:, :] += 0.5
    normal[1][:, 4:, :] += 0.5
    usual, _ = Usual.of(normal, [0.2, 1.0])
    flat = [np.full((1, 16, 16), 0.6, np.float32), np.full((1, 8, 8), 0.6, np.float32)]
    heat = usual.heat(flat)[0]
    assert heat[2].mean() > heat[13].mean()


def test_normals_that_are_all_alike_do_not_make_infinities():
    alike = [np.full((5, 16, 16), 0.2, np.float32), np.full((5, 8, 8), 0.2, np.float32)]
    usual, normal = Usual.of(alike, [0.2, 1.0])
    assert np.isfinite(normal).all()
    far = [np.full((1, 16, 16), 1.0, np.float32), np.full((1, 8, 8), 1.0, np.float32)]
    assert np.isfinite(usual.heat(far).astype(np.float16)).all()


@given(st.integers(0, 999))
def test_a_score_is_the_mean_of_the_hottest_places_and_never_above_the_maximum(seed):
    heats = np.random.default_rng(seed).uniform(0, 5, (3, 10, 10)).astype(np.float32)
    expected = np.sort(heats.reshape(3, -1), axis=1)[:, -2:].mean(axis=1)
    assert scores(heats) == pytest.approx(expected, rel=1e-5)  # 2 places of 100
    assert (scores(heats) <= heats.max(axis=(1, 2)) + 1e-6).all()
