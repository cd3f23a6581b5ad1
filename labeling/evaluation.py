"""Predicted defect types against the truth, as VELM reports them (one product, one scorecard).

"good" stands for no defect. Object means give every product the same weight, pooled figures
every picture.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeling.disposition import GOOD, disposition

COLUMNS = ("product", "image", "truth", "predicted")
NOTHING = float("nan")  # a rate of nothing


class BadPredictions(Exception):
    """The file cannot be scored; the message says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    product: str
    image: str
    truth: str
    predicted: str

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


def read_predictions(path: Path) -> list[Prediction]:
    """Rows of a CSV with the columns product, image, truth, predicted; BadPredictions otherwise."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _rows(csv.DictReader(file), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadPredictions(f"{path} cannot be read as a CSV file ({error}).") from error


def score_types(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The scorecard of ``python -m labeling score-types``; NaN where there is nothing to rate."""
    products = sorted({prediction.product for prediction in predictions})
    each = {
        product: _of_one_product([p for p in predictions if p.product == product])
        for product in products
    }
    defects = [prediction for prediction in predictions if prediction.truth != GOOD]
    return {
        "object_mean_accuracy": _mean(card["accuracy"] for card in each.values()),
        "anomalies_only_accuracy": _accuracy(defects),
        "type_accuracy_given_flag": _accuracy([p for p in defects if p.predicted != GOOD]),
        "macro_f1": _mean(card["macro_f1"] for card in each.values()),
        "kappa": _mean(card["kappa"] for card in each.values()),
        "gate": _gate(predictions),
        "disposition": disposition([(p.product, p.truth, p.predicted) for p in predictions]),
        "images": len(predictions),
        "per_product": each,
    }


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Cohen's kappa of (truth, predicted): agreement beyond that of the two marginals.

    1.0 if both only ever say one and the same word, where chance leaves nothing to gain.
    """
    if not pairs:
        return NOTHING
    total = len(pairs)
    truth, predicted = Counter(t for t, _ in pairs), Counter(p for _, p in pairs)
    by_chance = sum(truth[name] * predicted[name] for name in truth) / total**2
    agreed = sum(t == p for t, p in pairs) / total
    return 1.0 if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean F1 over all names that occur as truth or as prediction."""
    names = sorted({name for pair in pairs for name in pair})
    return _mean(_f1(pairs, name) for name in names)


def _f1(pairs: Sequence[tuple[str, str]], name: str) -> float:
    hits = sum(t == p == name for t, p in pairs)
    said = sum(p == name for _, p in pairs)
    there = sum(t == name for t, _ in pairs)
    return 2 * hits / (said + there)


def _of_one_product(predictions: Sequence[Prediction]) -> dict[str, Any]:
    pairs = [(prediction.truth, prediction.predicted) for prediction in predictions]
    return {
        "images": len(predictions),
        "accuracy": _accuracy(predictions),
        "anomalies_only_accuracy": _accuracy([p for p in predictions if p.truth != GOOD]),
        "macro_f1": macro_f1(pairs),
        "kappa": kappa(pairs),
        "gate": _gate(predictions),
    }


def _gate(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Whether anything was flagged at all, whatever its type."""
    normals = [prediction for prediction in predictions if prediction.truth == GOOD]
    defects = [prediction for prediction in predictions if prediction.truth != GOOD]
    return {
        "false_alarm_rate": _mean(float(p.predicted != GOOD) for p in normals),
        "miss_rate": _mean(float(p.predicted == GOOD) for p in defects),
    }


def _accuracy(predictions: Sequence[Prediction]) -> float:
    return _mean(float(prediction.right) for prediction in predictions)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else NOTHING


def _rows(reader: "csv.DictReader[str]", path: Path) -> list[Prediction]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise BadPredictions(f"{path} lacks the column {missing[0]}.")
    rows = [_row(line, path, number) for number, line in enumerate(reader, start=2)]
    if not rows:
        raise BadPredictions(f"{path} has no rows.")
    return rows


def _row(line: dict[str, str | None], path: Path, number: int) -> Prediction:
    cells = {name: (line[name] or "").strip() for name in COLUMNS}
    empty = [name for name in COLUMNS if not cells[name]]
    if empty:
        raise BadPredictions(f"{path}, line {number}: the column {empty[0]} is empty.")
    return Prediction(**cells)
