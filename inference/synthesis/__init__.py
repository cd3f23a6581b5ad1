"""Made-up defects on good pictures, to learn localisation from before real defects are at hand.

Every kind is a pure function: picture and donor uint8 (H, W, 3) and a NumPy ``Generator`` to a
new picture of the same size and a bool (H, W) mask of what visibly changed. The donor is another
good picture of the set, or the same one; it may have another size. The mask is never empty, and
outside it (and a border of ``change.BORDER`` pixels) the picture is the one that was given.

- ``nsa``: a patch of the donor, blended in by Poisson's equation (``inference.synthesis.nsa``).
- ``cutpaste``: a patch or a narrow scar of the donor, pasted as it is (``.cutpaste``).
- ``perlin``: a foreign texture in islands of Perlin noise, half transparent (``.islands``).
"""

from collections.abc import Callable, Sequence

import numpy as np

from inference.synthesis.change import Mask, Pixels
from inference.synthesis.cutpaste import cutpaste
from inference.synthesis.islands import perlin
from inference.synthesis.nsa import nsa

__all__ = ["KINDS", "Mask", "Pixels", "cutpaste", "nsa", "one_of", "perlin"]

Maker = Callable[[Pixels, Pixels, np.random.Generator], tuple[Pixels, Mask]]

KINDS: dict[str, Maker] = {"nsa": nsa, "cutpaste": cutpaste, "perlin": perlin}


def one_of(
    kinds: Sequence[str], picture: Pixels, donor: Pixels, rng: np.random.Generator
) -> tuple[Pixels, Mask, str]:
    """A defect of a kind drawn among ``kinds``, and which it was; KeyError for one unknown."""
    kind = kinds[int(rng.integers(len(kinds)))]
    made, mask = KINDS[kind](picture, donor, rng)
    return made, mask, kind
