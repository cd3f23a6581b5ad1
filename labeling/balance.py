"""How many pictures, parts and defects of each kind a snapshot holds, and what is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labeling.dataset import Row, Snapshot
from labeling.splits import Split
from labeling.weighing import effective_size

UNNAMED = ""  # a defect of no known type


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How much there is of one defect type."""

    pictures: int
    parts: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What one split holds. ``effective``: as how many equally weighted pictures it counts."""

    pictures: int
    parts: int
    ok: int
    not_ok: int
    effective: float
    types: Mapping[str, Kind]


def balance(snapshot: Snapshot) -> dict[Split, Tally]:
    """A tally for each split, empty ones too."""
    return {split: _tally(snapshot.of(split)) for split in Split}


def lacks(snapshot: Snapshot) -> list[str]:
    """What a split has nothing of, in sentences."""
    tallies = balance(snapshot)
    found = []
    for split in (Split.TRAIN, Split.GOLDEN):
        held = tallies[split]
        if not held.pictures:
            found.append(f"The split {split} is empty: {_why_empty(snapshot)}")
            continue
        missing = [word for word, count in (("OK", held.ok), ("NOT_OK", held.not_ok)) if not count]
        found += [f"The split {split} holds no picture that is {word}." for word in missing]
        known = {kind for tally in tallies.values() for kind in tally.types} - {UNNAMED}
        absent = sorted(known - set(held.types))
        found += [f"The split {split} holds no defect of the type {kind}." for kind in absent]
    return found


def _why_empty(snapshot: Snapshot) -> str:
    """One lot for all is the usual cause: then chance decides once, for everything."""
    lots = Counter(row.example.lot for row in snapshot.rows if row.example.lot)
    lot, count = lots.most_common(1)[0] if lots else ("", 0)
    if "lot" in snapshot.shares.ties and 2 * count > len(snapshot.rows):
        return (
            f"{count} of {len(snapshot.rows)} pictures are of the lot {lot} and stay together; "
            "label other lots, or do not tie pictures by lot."
        )
    return "label more parts."


def _tally(rows: Sequence[Row]) -> Tally:
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        for kind in {region.defect_type for region in row.example.regions}:
            kinds.setdefault(kind, []).append(row)
    bad = sum(row.example.label == "NOT_OK" for row in rows)
    return Tally(
        pictures=len(rows),
        parts=_parts(rows),
        ok=len(rows) - bad,
        not_ok=bad,
        effective=effective_size(row.weight for row in rows),
        types={
            kind: Kind(pictures=len(own), parts=_parts(own)) for kind, own in sorted(kinds.items())
        },
    )


def _parts(rows: Sequence[Row]) -> int:
    """A picture of no known part is a part of its own."""
    examples = [row.example for row in rows]
    return len({("part", one.part) if one.part else ("picture", one.key) for one in examples})
