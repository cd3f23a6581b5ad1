"""Does anything that training sees show what the golden set measures? In sentences.

``leaks`` asks for all ties, also those that the splits were not told to hold, and for pictures
that look alike though nobody said that they belong together. Two good parts under one camera may
look alike by nature: what is alike is a hint to look at, not a proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labeling.dataset import Row, Snapshot
from labeling.splits import Split

NEAR = 4  # of 64 bits may differ
MOST_TOLD = 20
MOST_COUNTED = 1000  # pairs; under one camera all may look alike
_USED = (Split.TRAIN, Split.VAL, Split.GOLDEN)
_AT_ONCE = 2_000_000  # comparisons in memory

Hashes = NDArray[np.uint64]


def likeness(pixels: NDArray[np.uint8]) -> int:
    """Difference hash (Krawetz 2013): 64 bits, each whether a place is brighter than its right
    neighbour in the picture shrunk to 9 x 8 grey values. ``pixels`` is (H, W, 3) or (H, W).
    """
    grey = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(grey, np.int16)
    bits = (values[:, :-1] > values[:, 1:]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def leaks(
    snapshot: Snapshot, alike: Mapping[str, int] | None = None, *, near: int = NEAR
) -> list[str]:
    """Why splits know of each other, in sentences; none is what should be.

    ``alike`` maps the SHA-256 of a picture to its ``likeness``.
    """
    found = [
        sentence
        for kind in ("part", "lot", "scene", "sha256")
        for sentence in _shared(snapshot.rows, kind)
    ]
    pairs = list(islice(_alike(snapshot, alike or {}, near), MOST_COUNTED))
    told = [
        f"{one} ({split}) looks like {other} ({against}): look whether they show the same."
        for one, split, other, against in pairs[:MOST_TOLD]
    ]
    if rest := len(pairs) - len(told):
        many = "at least " if len(pairs) == MOST_COUNTED else ""
        told.append(f"{many}{rest:,} more pairs look alike across splits.".capitalize())
    return [*found, *told]


def _shared(rows: Sequence[Row], kind: str) -> Iterator[str]:
    places: dict[str, dict[Split, str]] = {}
    for row in rows:
        value = getattr(row.example, kind)
        if value and row.split in _USED:
            places.setdefault(value, {}).setdefault(row.split, row.example.key)
    for value, splits in sorted(places.items()):
        if len(splits) > 1:
            named = " and ".join(f"{split} ({splits[split]})" for split in _USED if split in splits)
            yield f"Pictures of the same {_WORDS[kind]} {value} lie in {named}."


_WORDS = {"part": "part", "lot": "lot", "scene": "scene", "sha256": "file"}


def _alike(
    snapshot: Snapshot, alike: Mapping[str, int], near: int
) -> Iterator[tuple[str, Split, str, Split]]:
    """Pairs of different files in different splits; each file once for each of the others."""
    keys, hashes = {}, {}
    for split in _USED:
        files = {row.example.sha256: row.example.key for row in snapshot.of(split)}
        known = [file for file in files if file in alike]
        keys[split] = [(file, files[file]) for file in known]
        hashes[split] = np.array([alike[file] for file in known], np.uint64)
    for place, split in enumerate(_USED):
        for against in _USED[place + 1 :]:
            for i, j in _near(hashes[split], hashes[against], near):
                (file, key), (other, name) = keys[split][i], keys[against][j]
                if file != other:
                    yield key, split, name, against


def _near(first: Hashes, second: Hashes, most: int) -> Iterator[tuple[int, int]]:
    """Places of all pairs that differ in at most ``most`` bits, some rows at a time."""
    step = max(1, _AT_ONCE // max(1, len(second)))
    for start in range(0, len(first), step):
        differ = np.bitwise_count(first[start : start + step, None] ^ second[None])
        for i, j in np.argwhere(differ <= most):
            yield start + int(i), int(j)
