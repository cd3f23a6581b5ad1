"""How clusters agree with known types: NMI, ARI and matched F1. Knows no features.

Noise (-1) is one group of its own for NMI and ARI; for F1 it is matched with no type, so whatever
is in it counts as missed.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score


def agreement(truth: Sequence[str], clusters: Sequence[int]) -> dict[str, float]:
    """NaN where there is nothing to compare."""
    if not truth:
        return dict.fromkeys(("nmi", "ari", "f1"), float("nan"))
    return {
        "nmi": float(normalized_mutual_info_score(truth, clusters)),
        "ari": float(adjusted_rand_score(truth, clusters)),
        "f1": matched_f1(truth, clusters),
    }


def matched_f1(truth: Sequence[str], clusters: Sequence[int]) -> float:
    """Mean F1 of the types, each matched with at most one cluster, as well as can be (Hungarian)."""
    types, numbers = sorted(set(truth)), sorted(set(clusters) - {-1})
    if not numbers:
        return 0.0
    is_type = np.array([[one == code for one in truth] for code in types], np.float64)
    is_cluster = np.array([[one == number for one in clusters] for number in numbers], np.float64)
    sizes = is_type.sum(axis=1)[:, None] + is_cluster.sum(axis=1)[None]
    scores = 2 * (is_type @ is_cluster.T) / sizes
    rows, columns = linear_sum_assignment(-scores)
    return float(scores[rows, columns].sum() / len(types))
