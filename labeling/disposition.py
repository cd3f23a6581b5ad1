"""Defects that matter and defects that do not: VELM's three-way split of predicted types.

Nobody has said which defects of a public data set are negligible, so the split is drawn: for each
product one of its defect types, or two if it has more than four, counts as negligible and all
others as critical. The predicted types are mapped in the same way, afterwards. A reply that is no
type of the product counts as critical, as it would on a line.

The published code maps names in one table for all products, which is wrong where two products
use one name; here each product has its own.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

GOOD = "good"
SEEDS = (0, 1, 2, 3, 4)
NORMAL, NEGLIGIBLE, CRITICAL = GROUPS = ("normal", "negligible", "critical")
FEW = 4  # up to so many types, one of them is negligible; beyond, two
NOTHING = float("nan")

Triple = tuple[str, str, str]  # product, truth, predicted


def disposition(triples: Sequence[Triple], *, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """Recall of each group, averaged over products and then over seeds, and the mean of the three.

    NaN for a group that no product has. ``per_seed`` holds the same figures of each seed.
    """
    pairs = defaultdict(list)
    for product, truth, predicted in triples:
        pairs[product].append((truth, predicted))
    each = [_with_mean(_of_one_seed(pairs, seed)) for seed in seeds]
    together = {group: _mean(card[group] for card in each) for group in GROUPS}
    return {
        **_with_mean(together),
        "seeds": list(seeds),
        "per_seed": {str(seed): card for seed, card in zip(seeds, each, strict=True)},
    }


def negligible_types(product: str, types: Iterable[str], seed: int) -> frozenset[str]:
    """The types of a product that count as negligible; other products have no say in it."""
    names = sorted(set(types) - {GOOD})
    random.Random(f"{seed} {product}").shuffle(names)  # noqa: S311 - a draw, not a secret
    return frozenset(names[: 1 if len(names) <= FEW else 2])


def group_of(name: str, negligible: frozenset[str]) -> str:
    if name == GOOD:
        return NORMAL
    return NEGLIGIBLE if name in negligible else CRITICAL


def _of_one_seed(pairs: Mapping[str, Sequence[tuple[str, str]]], seed: int) -> dict[str, float]:
    recalls: dict[str, list[float]] = {group: [] for group in GROUPS}
    for product, told in pairs.items():
        negligible = negligible_types(product, (truth for truth, _ in told), seed)
        mapped = [(group_of(t, negligible), group_of(p, negligible)) for t, p in told]
        for group in {truth for truth, _ in mapped}:
            recalls[group].append(fmean(p == group for t, p in mapped if t == group))
    return {group: _mean(found) for group, found in recalls.items()}


def _with_mean(card: Mapping[str, float]) -> dict[str, float]:
    return {**card, "mean": _mean(card[group] for group in GROUPS)}


def _mean(values: Iterable[float]) -> float:
    """Over the values that there are; NaN of none."""
    found = [value for value in values if value == value]
    return fmean(found) if found else NOTHING
