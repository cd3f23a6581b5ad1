"""Which normals are held out together: folds that never cut a group."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def folds(groups: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """A fold number 0 .. count-1 for each picture, whole groups together, sizes balanced.

    "" is a group of its own. There are fewer folds if there are fewer groups.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(f"group {group}" if group else f"picture {index}", []).append(index)
    names = list(members)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    shuffled.sort(key=lambda name: -len(members[name]))  # large first, so the folds come out even
    sizes = np.zeros(min(count, len(names)), dtype=np.int64)
    numbers = np.zeros(len(groups), dtype=np.int64)
    for name in shuffled:
        smallest = int(sizes.argmin())
        numbers[members[name]] = smallest
        sizes[smallest] += len(members[name])
    return numbers
