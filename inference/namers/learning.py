"""Features of taught crops to a head, a temperature and a sense of nearness. Knows no pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference.artefact import Tensors
from inference.calibration import folds
from inference.namers import heads
from inference.namers.figures import calibration_error
from inference.namers.heads import KINDS, Head, Scaling
from inference.namers.namer import softmax
from inference.namers.nearness import Nearness
from inference.namers.spread import Spread

FOLDS = 5
TENSORS = (
    "centre", "factor", "weights", "bias", "means", "axes", "damping", "units", "held_out",
    "shares",
)  # fmt: skip
TEMPERATURES = np.geomspace(0.5, 1000.0, 121)  # tried

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Learnt:
    scaling: Scaling
    head: Head
    temperature: float
    nearness: Nearness
    accuracies: dict[str, float]  # of each kind of head on held-out crops
    calibration_error: float | None  # on held-out crops; None without any

    def logits(self, features: Floats) -> Floats:
        """(n, D) to (n, T)."""
        return self.head.logits(self.scaling(features)) / self.temperature

    def odds(self, features: Floats) -> Floats:
        return self.nearness.odds(self.scaling(features))

    def config(self) -> dict[str, Any]:
        return {
            "head": self.head.kind,
            "temperature": self.temperature,
            "unit": self.nearness.spread.unit,
            "unknown_rate": self.nearness.rate,
            "promise": self.nearness.promise,
            "cross_validated": self.accuracies,
            "calibration_error": self.calibration_error,
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        found = {
            "centre": self.scaling.centre,
            "factor": self.scaling.factor,
            "weights": self.head.weights,
            "bias": self.head.bias,
            "means": self.nearness.means,
            "axes": self.nearness.spread.axes,
            "damping": self.nearness.spread.damping,
            "units": self.nearness.units,
            "held_out": self.nearness.held_out,
            "shares": self.nearness.shares,
        }
        return {name: value.astype(np.float32) for name, value in found.items()}

    @classmethod
    def rebuilt(cls, config: dict[str, Any], tensors: Tensors) -> Self:
        t = {name: np.asarray(tensors[name], np.float64) for name in TENSORS}
        spread = Spread(t["axes"], t["damping"], config["unit"])
        rate = config["unknown_rate"]
        return cls(
            Scaling(t["centre"], t["factor"]),
            Head(config["head"], t["weights"], t["bias"]),
            config["temperature"],
            Nearness(t["means"], spread, t["units"], t["held_out"], t["shares"], rate),
            config["cross_validated"],
            config["calibration_error"],
        )


@dataclass(frozen=True, eq=False)
class Taught:
    """N rows of features, one an outline; the outlines of one crop share its type and fold."""

    features: Floats  # (N, D)
    types: Ints  # (N,), 0 .. T - 1, each of which occurs
    crops: Ints  # (N,), which crop an outline is of
    fold: Ints  # (N,), -1 = stays
    asked: NDArray[np.bool_]  # (N,), see ``inference.namers.outlines``

    @property
    def count(self) -> int:
        """How many types."""
        return int(self.types.max()) + 1

    @property
    def held(self) -> NDArray[np.bool_]:
        return self.fold >= 0

    @property
    def shares(self) -> Floats:
        """(N,): what an outline counts, so that each crop counts as one."""
        return _shares(self.crops)

    def splits(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]]:
        """For each fold who stays, who is held out, and all features as those who stay scale them."""
        for number in range(int(self.fold.max()) + 1):
            out = self.fold == number
            yield ~out, out, Scaling.of(self.features[~out])(self.features)


def learn(
    features: Floats,
    types: Ints,
    groups: Sequence[str],
    *,
    seed: int,
    rate: float,
    crops: Ints | None = None,
    asked: NDArray[np.bool_] | None = None,
) -> Learnt:
    """From (N, D) features of outlines of crops of types 0 .. T - 1, each of which occurs.

    ``types`` and ``groups`` are by crop; ``crops[i]`` is the crop of row i (each row its own, if
    None); ``asked[i]``: whether it is like those that will have to be named (all, if None).
    """
    of = np.arange(len(types)) if crops is None else crops
    like = np.ones(len(of), bool) if asked is None else asked
    taught = Taught(features, types[of], of, _folds(types, groups, seed)[of], like)
    kind, accuracies, logits = _best(taught)
    truth = taught.types[taught.held]
    temperature = _temperature(logits, truth)
    scaling = Scaling.of(features)
    scaled = scaling(features)
    head = heads.fit(kind, scaled, taught.types, taught.count)
    error = _error(logits / temperature, truth) if len(truth) else None
    found = Learnt(scaling, head, temperature, _nearness(taught, scaled, rate), accuracies, error)
    # Rounded as the artefact holds it: what was just taught equals what is loaded later.
    return Learnt.rebuilt(found.config(), found.tensors())


def _folds(types: Ints, groups: Sequence[str], seed: int) -> Ints:
    """A fold for each crop, each type dealt out on its own; -1 = its type has one group, so it
    stays: held out, its type would be gone.

    A group with two types may straddle. That makes the task harder, not easier: what is learnt
    from the group's other half bears another name.
    """
    fold = np.full(len(types), -1, np.int64)
    for number in range(int(types.max()) + 1):
        own = np.flatnonzero(types == number)
        dealt = folds([groups[index] for index in own], FOLDS, seed)
        if dealt.max() > 0:
            fold[own] = dealt
    return fold


def _shares(crops: Ints) -> Floats:
    return np.asarray(1 / np.bincount(crops)[crops], np.float64)


def _best(taught: Taught) -> tuple[str, dict[str, float], Floats]:
    """The kind to use, all accuracies on held-out crops, and its held-out logits (n, T)."""
    truth, shares = taught.types[taught.held], taught.shares[taught.held]
    if len(truth) == 0:
        return "cosine", {}, np.zeros((0, taught.count))
    found = {kind: _held_out_logits(kind, taught) for kind in KINDS}
    hits = {
        kind: float(np.average(found[kind].argmax(axis=1) == truth, weights=shares))
        for kind in KINDS
    }
    top = max(hits.values())
    doubt = (top * (1 - top) / shares.sum()) ** 0.5  # a standard error: less is luck
    best = next(kind for kind in KINDS if hits[kind] >= top - doubt)
    return best, hits, found[best]


def _held_out_logits(kind: str, taught: Taught) -> Floats:
    """(n, T) of the rows with a fold, each from the others' head."""
    types, count = taught.types, taught.count
    logits = np.zeros((len(types), count))
    for rest, out, scaled in taught.splits():
        logits[out] = heads.fit(kind, scaled[rest], types[rest], count).logits(scaled[out])
    return logits[taught.held]


def _nearness(taught: Taught, scaled: Floats, rate: float) -> Nearness:
    distances = _distances(taught)
    known = np.isfinite(distances) & taught.asked
    middles = heads.means(scaled, taught.types, taught.count)
    spread = heads.within(scaled, taught.types, middles, taught.crops)
    own = (distances[known], taught.types[known], _shares(taught.crops[known]))
    return Nearness.of(middles, spread, *own, rate)


def _distances(taught: Taught) -> Floats:
    """(N,): of held-out rows to their own type, as the others show it; NaN where nothing is known.

    A fold without which no type has two crops shows no spread, so it has no unit of distance.
    """
    types, count, crops = taught.types, taught.count, taught.crops
    found = np.full(len(types), np.nan)
    for rest, out, scaled in taught.splits():
        if len(np.unique(crops[rest])) == count:
            continue
        middles = heads.means(scaled[rest], types[rest], count)
        spread = heads.within(scaled[rest], types[rest], middles, crops[rest])
        to_all = spread.distances(scaled[out], middles)
        found[out] = to_all[np.arange(len(to_all)), types[out]]
    return found


def _temperature(logits: Floats, types: Ints) -> float:
    """The one under which the held-out crops' shares are least wrong; 1 without any.

    Least in Brier's sense: under the usual logarithm a single crop that is surely wrong would
    make the few dozen others look unsure.
    """
    if len(types) == 0 or logits.shape[1] == 1:
        return 1.0
    truth = np.eye(logits.shape[1])[types]
    wrong = [float(((softmax(logits / tried) - truth) ** 2).sum()) for tried in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(wrong))])


def _error(logits: Floats, types: Ints) -> float:
    shares = softmax(logits)
    right = (shares.argmax(axis=1) == types).tolist()
    return calibration_error(shares.max(axis=1).tolist(), right)
