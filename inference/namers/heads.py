"""From features of a crop to how much each type fits: three simple heads, one shape.

All are linear in standardised features. Which is best is asked of the taught crops alone, by
cross-validation (``inference.namers.prototypes``):

- ``lda``: nearest mean under one shrunken covariance (linear discriminant analysis);
- ``logistic``: logistic regression with a strong penalty;
- ``cosine``: nearest mean by angle; needs no more than one crop a type.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from inference.namers.spread import Spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("lda", "logistic", "cosine")  # the first is taken unless another is clearly better
PENALTY = 0.01  # C of the logistic regression: there are more features than crops
SHARPNESS = 10.0  # of an angle's cosine, so that a temperature of 1 is about right


@dataclass(frozen=True, eq=False)
class Scaling:
    """Features to mean 0 and variance 1; one that never varied says nothing and becomes 0."""

    centre: Floats  # (D,)
    factor: Floats  # (D,)

    @classmethod
    def of(cls, features: Floats) -> Self:
        deviation = features.std(axis=0)
        varied = deviation > 1e-6
        if not varied.any():  # a single crop: its features are all there is to compare with
            return cls(np.zeros_like(deviation), np.ones_like(deviation))
        return cls(features.mean(axis=0), np.where(varied, 1 / np.where(varied, deviation, 1), 0))

    def __call__(self, features: Floats) -> Floats:
        return np.asarray((features - self.centre) * self.factor)


@dataclass(frozen=True, eq=False)
class Head:
    kind: str
    weights: Floats  # (T, D)
    bias: Floats  # (T,)

    def logits(self, scaled: Floats) -> Floats:
        """(n, D) scaled features to (n, T)."""
        values = _of_length_one(scaled) if self.kind == "cosine" else scaled
        return np.asarray(values @ self.weights.T + self.bias)


def fit(kind: str, scaled: Floats, types: Ints, count: int) -> Head:
    """The head of a kind for types 0 .. count - 1, each of which has a crop."""
    return _FITS[kind](scaled, types, count)


def means(scaled: Floats, types: Ints, count: int) -> Floats:
    """(T, D)."""
    return np.stack([scaled[types == number].mean(axis=0) for number in range(count)])


def within(scaled: Floats, types: Ints, middles: Floats, crops: Ints) -> Spread:
    """How rows differ around the mean of their type; rows of one crop count as one, nearly."""
    freedom = round(len(types) * (1 - len(middles) / len(np.unique(crops))))
    return Spread.of(scaled - middles[types], freedom, crops)


def _lda(scaled: Floats, types: Ints, count: int) -> Head:
    """All types count as equally frequent: what was taught says nothing of how often each occurs."""
    middles = means(scaled, types, count)
    weights = within(scaled, types, middles, np.arange(len(types))).weighed(middles)
    return Head("lda", weights, -0.5 * (weights * middles).sum(axis=1))


def _logistic(scaled: Floats, types: Ints, count: int) -> Head:
    if count == 1:  # nothing to tell apart
        return Head("logistic", np.zeros((1, scaled.shape[1])), np.zeros(1))
    model = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000)
    model.fit(scaled, types)
    weights, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    if count == 2:  # scikit-learn then gives one row: how much more the second type fits
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return Head("logistic", weights, bias)


def _cosine(scaled: Floats, types: Ints, count: int) -> Head:
    middles = means(_of_length_one(scaled), types, count)
    return Head("cosine", SHARPNESS * _of_length_one(middles), np.zeros(count))


def _of_length_one(values: Floats) -> Floats:
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-9))


_FITS = {"lda": _lda, "logistic": _logistic, "cosine": _cosine}
