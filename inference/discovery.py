"""New kinds of defects: unknown regions that are like each other, put together for people to name.

Features of the regions (``inference.namers.features``) are standardised, brought to length 1 and
to at most 16 principal components. Two ways of clustering compete, and a validity that needs no
labels decides (mean silhouette, Rousseeuw 1987, times the share of regions that are in a cluster):

- Ward's agglomerative clustering; of all numbers of clusters the *smallest* whose silhouette
  reaches 0.9 of the best, since the best itself splits kinds into their variants;
- HDBSCAN (Campello et al. 2013), which needs no number and keeps noise apart.

Measured by ``discover`` with MobileNetV2 (NMI / ARI / matched F1), all defects of a set at once:

- true regions: magnetic tiles 0.61 / 0.52 / 0.64, screws 0.63 / 0.43 / 0.62, both by Ward;
- whole pictures: steel 0.79 / 0.70 / 0.83 by HDBSCAN (102 of 600 are noise), of its test split
  alone 0.82 / 0.78 / 0.89;
- what a memory finds: magnetic tiles 0.42 / 0.27 / 0.48, screws 0.16 / 0.10 / 0.19, besides
  which nothing is found in 180 of 392 tiles and 55 of 119 screws.

The validity often has almost nothing to choose by: on that test split Ward alone would have had
0.92 / 0.90 / 0.96, on all of steel 0.85 / 0.75 / 0.74. The 0.9 was chosen looking at these same
three sets, so it flatters them. A cluster with fewer than ``smallest`` regions is noise in both.
Where even the best silhouette is poor, all are one kind. AnomalyNCD (arXiv 2410.14379) is
told the number of kinds; here nobody knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, AgglomerativeClustering
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

COMPONENTS = 16
MOST = 12  # clusters tried; more kinds at a time nobody can look at
GOOD_ENOUGH = 0.9  # of the best silhouette
ALONE = 0.15  # a silhouette below it: one kind, not several
SMALLEST = 5  # regions in a cluster
SHARE = 0.03  # of all regions; a kind that is rarer is found when there are more of it
FAR = 3.0  # times the usual distance to the middle of a cluster
DENSE = 3  # neighbours that make a place dense for HDBSCAN
NOISE = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Members by their index, the most typical (the medoid) first, with the distance to it."""

    members: tuple[int, ...]
    distances: tuple[float, ...]  # of length-1 features: 0 to 2


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """``labels[i]``: the cluster of region i, or NOISE. Larger clusters come first."""

    method: str  # "ward", "hdbscan", or "none" where there are too few regions
    validity: float  # 0 to 1
    labels: tuple[int, ...]
    clusters: tuple[Cluster, ...]
    noise: tuple[int, ...]


def discover(features: NDArray[np.floating], *, smallest: int = SMALLEST) -> Discovery:
    """Clusters of (n, D) features of unknown regions."""
    if len(features) < 2 * smallest:
        return _told("none", 0.0, np.full(len(features), NOISE), np.zeros((len(features), 1)))
    places = _places(np.asarray(features, np.float64))
    found = {"ward": _without_odd(places, _ward(places)), "hdbscan": _hdbscan(places, smallest)}
    kept = {method: _without_small(labels, smallest) for method, labels in found.items()}
    validity = {method: _validity(places, labels) for method, labels in kept.items()}
    best = max(validity, key=lambda method: validity[method])  # of equals Ward, the simpler
    return _told(best, validity[best], kept[best], places)


def picture_clusters(
    labels: Sequence[int], areas: Sequence[int], pictures: Sequence[int]
) -> dict[int, int]:
    """For each picture the cluster of its regions, each voting with the root of its area.

    The weight is AnomalyNCD's. A picture whose regions are all noise is noise.
    """
    votes: dict[int, dict[int, float]] = {}
    for label, area, picture in zip(labels, areas, pictures, strict=True):
        own = votes.setdefault(picture, {NOISE: 0.0})
        own[label] = own.get(label, 0.0) + (float(area) ** 0.5 if label != NOISE else 0.0)
    return {
        picture: max(own, key=lambda label: (own[label], -label)) for picture, own in votes.items()
    }


def _places(features: Floats) -> Floats:
    """(n, D) to (n, up to 16): alike regions lie close, whatever the strength of their features."""
    deviation = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
    directions = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-9)
    if not directions.any():  # all are the same, and no component explains anything
        return np.asarray(directions[:, :1])
    most = min(COMPONENTS, len(features) - 1, features.shape[1])
    return np.asarray(PCA(most, svd_solver="full").fit_transform(directions))


def _ward(places: Floats) -> Ints:
    """The smallest good number of clusters; one cluster if several would be no better."""
    most = min(MOST, len(places) // 2)
    tried = [_cut(places, count) for count in range(2, most + 1)]
    quality = np.array([silhouette_score(places, labels) for labels in tried])
    if quality.max() < ALONE:
        return np.zeros(len(places), np.int64)
    return tried[int(np.flatnonzero(quality >= GOOD_ENOUGH * quality.max())[0])]


def _without_odd(places: Floats, labels: Ints) -> Ints:
    """Ward puts everything somewhere; what lies far outside its cluster is noise after all."""
    kept = labels.copy()
    for number in set(labels.tolist()) - {NOISE}:
        own = np.flatnonzero(labels == number)
        apart = np.linalg.norm(places[own] - np.median(places[own], axis=0), axis=1)
        kept[own[apart > FAR * np.median(apart)]] = NOISE
    return kept


def _cut(places: Floats, count: int) -> Ints:
    return np.asarray(AgglomerativeClustering(count).fit_predict(places), np.int64)


def _hdbscan(places: Floats, smallest: int) -> Ints:
    least = max(smallest, round(SHARE * len(places)))
    model = HDBSCAN(min_cluster_size=least, min_samples=DENSE, copy=True)
    return np.asarray(model.fit_predict(places), np.int64)


def _without_small(labels: Ints, smallest: int) -> Ints:
    """Clusters renumbered by size, the small ones as noise."""
    numbers, counts = np.unique(labels[labels != NOISE], return_counts=True)
    order = [
        n
        for n, c in sorted(zip(numbers, counts, strict=True), key=lambda p: (-p[1], p[0]))
        if c >= smallest
    ]
    renumbered = np.full(len(labels), NOISE, np.int64)
    for new, old in enumerate(order):
        renumbered[labels == old] = new
    return renumbered


def _validity(places: Floats, labels: Ints) -> float:
    kept = labels != NOISE
    if len(set(labels[kept].tolist())) < 2:
        return ALONE * float(kept.mean())  # what a single cluster is worth: see ``_ward``
    return max(0.0, float(silhouette_score(places[kept], labels[kept])) * float(kept.mean()))


def _told(method: str, validity: float, labels: Ints, places: Floats) -> Discovery:
    count = int(labels.max(initial=NOISE)) + 1
    return Discovery(
        method=method,
        validity=validity,
        labels=tuple(labels.tolist()),
        clusters=tuple(_cluster(np.flatnonzero(labels == n), places) for n in range(count)),
        noise=tuple(np.flatnonzero(labels == NOISE).tolist()),
    )


def _cluster(members: Ints, places: Floats) -> Cluster:
    apart = np.linalg.norm(places[members][:, None] - places[members][None], axis=-1)
    to_medoid = apart[int(apart.sum(axis=1).argmin())]
    order = np.lexsort((members, to_medoid))
    return Cluster(
        members=tuple(members[order].tolist()),
        distances=tuple(to_medoid[order].tolist()),
    )
