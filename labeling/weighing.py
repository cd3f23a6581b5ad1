"""How many pictures one labelled picture stands for, so that hard cases do not bend the whole.

People see all that a rule sends them and a few drawn by chance. A drawn one stands for 1 / chance
parts like it (Horvitz and Thompson 1952). One that a rule sent, or that was enrolled or imported,
stands for itself.

For training the weight is cut: a part drawn with 1 % would otherwise teach as loud as a hundred,
and one wrong label among such parts would be learnt like a rule. Cutting trades a little bias
for much less variance (Ionides 2008, truncated importance sampling). Figures that are told as
estimates of the line are not cut: they use ``chance``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labeling.examples import Example

MOST = 20.0  # what a part drawn with 5 % stands for


def stands_for(chance: float | None) -> float:
    """Uncut: 1 / chance; 1 where nothing was drawn."""
    return 1.0 if chance is None else 1.0 / chance


def weight(chance: float | None, most: float = MOST) -> float:
    """What a picture weighs in training, cut at ``most``."""
    return min(stands_for(chance), most)


def effective_size(weights: Iterable[float]) -> float:
    """As how many equally weighted pictures these count, (Σw)² / Σw² (Kish 1965)."""
    known = list(weights)
    squares = sum(one * one for one in known)
    return sum(known) ** 2 / squares if squares else 0.0


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What the cut does to a set of examples."""

    examples: int
    cut: int
    most: float
    effective: float  # size after the cut
    uncut: float  # and before

    @property
    def sentence(self) -> str:
        if not self.cut:
            return f"No picture weighs more than {self.most:g}; none had to be cut."
        were = "picture stands" if self.cut == 1 else "pictures stand"
        return (
            f"{self.cut} {were} for more than {self.most:g} parts each and are cut to that, so "
            f"that no single label rules the training: {self.examples} pictures count as "
            f"{self.effective:.0f} equal ones, uncut as {self.uncut:.0f}."
        )


def weights_of(examples: Sequence[Example], most: float = MOST) -> Weights:
    """How much is cut, and what that is worth."""
    plain = [stands_for(example.chance) for example in examples]
    return Weights(
        examples=len(plain),
        cut=sum(one > most for one in plain),
        most=most,
        effective=effective_size(min(one, most) for one in plain),
        uncut=effective_size(plain),
    )
