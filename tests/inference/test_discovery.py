import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.clusterfigures import agreement, matched_f1
from inference.discovery import NOISE, discover, picture_clusters


def kinds(count: int, each: int = 20, apart: float = 8.0, seed: int = 0) -> np.ndarray:
    """(count * each, 40) features, kind after kind."""
    rng = np.random.default_rng(seed)
    centres = apart * rng.normal(size=(count, 40))
    return np.concatenate([centre + rng.normal(size=(each, 40)) for centre in centres])


def test_three_obvious_kinds_are_found():
    found = discover(kinds(3))
    assert len(found.clusters) == 3 and found.validity > 0.5
    truth = [f"kind {number}" for number in range(3) for _ in range(20)]
    assert matched_f1(truth, found.labels) > 0.98
    assert sorted(len(cluster.members) for cluster in found.clusters) == [20, 20, 20]


def test_the_most_typical_comes_first_and_distances_rise():
    for cluster in discover(kinds(3)).clusters:
        assert cluster.distances[0] == 0
        assert list(cluster.distances) == sorted(cluster.distances)
        assert len(cluster.members) == len(cluster.distances)


def test_every_region_is_in_one_cluster_or_noise():
    found = discover(kinds(4, each=12))
    members = [index for cluster in found.clusters for index in cluster.members]
    assert sorted([*members, *found.noise]) == list(range(48))
    for number, cluster in enumerate(found.clusters):
        assert all(found.labels[index] == number for index in cluster.members)
    sizes = [len(cluster.members) for cluster in found.clusters]
    assert sizes == sorted(sizes, reverse=True)


def test_a_handful_of_odd_ones_is_kept_apart():
    odd = kinds(1, each=2, seed=9)
    found = discover(np.concatenate([kinds(3), odd]))
    assert set(found.noise) >= {60, 61} and len(found.clusters) == 3


def test_too_few_regions_are_no_kind_yet():
    found = discover(np.random.default_rng(0).normal(size=(9, 5)))
    assert found.method == "none" and found.clusters == () and found.noise == tuple(range(9))
    assert discover(np.empty((0, 1))).labels == ()


def test_regions_that_are_all_alike_are_one_kind():
    found = discover(np.ones((30, 6)) + 1e-9)
    assert len(found.clusters) <= 1


def test_discovery_is_the_same_every_time():
    features = kinds(3, each=15, apart=3)
    assert discover(features) == discover(features)


def test_regions_vote_for_their_picture_by_the_root_of_their_area():
    # Picture 0: 10 + 10 for cluster 1 against 15 for cluster 0; picture 1: noise never outvotes.
    found = picture_clusters(
        [0, 1, 1, NOISE, 2, NOISE], [225, 100, 100, 9999, 4, 50], [0, 0, 0, 1, 1, 2]
    )
    assert found == {0: 1, 1: 2, 2: NOISE}
    assert picture_clusters([], [], []) == {}


def plain_f1(truth: list[str], clusters: list[int], matches: dict[str, int]) -> float:
    total = 0.0
    for code in set(truth):
        both = sum(
            t == code and c == matches.get(code) for t, c in zip(truth, clusters, strict=True)
        )
        size = truth.count(code) + (clusters.count(matches[code]) if code in matches else 0)
        total += 2 * both / size
    return total / len(set(truth))


def plain_nmi(truth: list[str], clusters: list[int]) -> float:
    def entropy(values):
        shares = [list(values).count(value) / len(values) for value in set(values)]
        return -sum(share * np.log(share) for share in shares)

    both = list(zip(truth, clusters, strict=True))
    mutual = entropy(truth) + entropy(clusters) - entropy(both)
    return mutual / ((entropy(truth) + entropy(clusters)) / 2)


def test_figures_equal_plain_loops():
    truth = ["a"] * 5 + ["b"] * 4 + ["c"] * 3
    clusters = [0, 0, 0, 0, 1, 1, 1, 1, -1, 2, 2, -1]
    found = agreement(truth, clusters)
    assert found["f1"] == pytest.approx(plain_f1(truth, clusters, {"a": 0, "b": 1, "c": 2}))
    assert found["nmi"] == pytest.approx(plain_nmi(truth, clusters))
    assert all(np.isnan(value) for value in agreement([], []).values())


def test_noise_is_matched_with_no_type():
    assert matched_f1(["a", "a"], [-1, -1]) == 0
    assert agreement(["a", "a", "b"], [3, 3, 7]) == pytest.approx({"nmi": 1, "ari": 1, "f1": 1})


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30), st.permutations(range(4)))
@settings(max_examples=40, deadline=None)
def test_the_numbers_of_clusters_do_not_matter(clusters, renamed):
    truth = ["ab"[index % 2] for index in range(len(clusters))]
    other = [renamed[number] for number in clusters]
    assert agreement(truth, clusters) == pytest.approx(agreement(truth, other))
