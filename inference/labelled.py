"""A defect that people confirmed: what a detector or a namer can learn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.images import Picture


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    picture: Picture
    defect_type: str = ""
    mask: NDArray[np.bool_] | None = None  # (height, width) of the picture; None = place unknown
    group: str = ""  # one part or scene; "" = a part of its own
    sha256: str = ""  # of the file, so that an evaluation can leave out what was learnt from
