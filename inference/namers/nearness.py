"""Is a crop near anything that was taught? A conformal answer, with its promise in words.

The distance to a type is Mahalanobis' (``inference.namers.spread``), in units of the type's own
spread: the geometric mean of what is usual for the type and what is usual for all, since ten
crops tell a type's spread poorly. Held-out crops of known types show which distances occur; the
p-value of a new crop is the share of them that are as far or farther. What is called unknown at
p <= rate is a known type at most that often (Vovk et al., "Algorithmic Learning in a Random World").

A crop is held out in several outlines, which are no independent witnesses: together they count as
one (Lee, Barber and Willett, "Distribution-free inference with hierarchical data", 2023,
arXiv 2306.06342), so more outlines promise nothing more.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from inference.namers.spread import Spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nearness:
    means: Floats  # (T, D) of scaled features
    spread: Spread
    units: Floats  # (T,), the distance that is usual for a type
    held_out: Floats  # (n,), sorted distances of held-out outlines to their own type, in units
    shares: Floats  # (n,), what each counts: those of one crop sum to 1
    rate: float

    @classmethod
    def of(
        cls,
        middles: Floats,
        spread: Spread,
        distances: Floats,
        types: Ints,
        shares: Floats,
        rate: float,
    ) -> Self:
        """``distances`` (n,): squared, of held-out outlines of ``types`` (n,) to their own type."""
        units = _units(distances, types, len(middles))
        found = distances / units[types]
        order = np.argsort(found, kind="stable")
        return cls(middles, spread, units, found[order], shares[order], rate)

    @property
    def crops(self) -> int:
        """How many were held out."""
        return round(float(self.shares.sum()))

    def p_values(self, scaled: Floats) -> Floats:
        """(n, D) to (n,): how usual the distance to the nearest type is, 0 to 1."""
        nearest = (self.spread.distances(scaled, self.means) / self.units).min(axis=1)
        beyond = np.append(np.cumsum(self.shares[::-1])[::-1], 0.0)
        place = np.searchsorted(self.held_out, nearest * (1 - 1e-9))
        return np.asarray((1 + beyond[place]) / (1 + self.crops))

    def odds(self, scaled: Floats) -> Floats:
        """(n, D) to (n,): of *unknown* against the likeliest type; 1 or more = say unknown.

        The square keeps a crop that is well inside its type's spread almost fully with its types.
        """
        return np.asarray((self.effective_rate / self.p_values(scaled)) ** 2)

    @property
    def effective_rate(self) -> float:
        """Few held-out crops can only promise less."""
        total = self.crops
        return max(self.rate, 1 / (1 + total)) if total else self.rate

    @property
    def promise(self) -> str:
        total = self.crops
        if total == 0:
            return "with no held-out crops nothing is called unknown"
        percent = f"{100 * self.effective_rate:.3g}"
        return f"with {total} held-out crops a known type is called unknown at most {percent} %"


def _units(distances: Floats, types: Ints, count: int) -> Floats:
    if len(distances) == 0:
        return np.ones(count)
    overall = max(float(np.median(distances)), 1e-12)
    own = [distances[types == number] for number in range(count)]
    medians = [float(np.median(found)) if len(found) else overall for found in own]
    return np.sqrt(np.maximum(medians, 1e-12) * overall)
