"""Immutable snapshots of labelled pictures, named by the hash of what they hold.

A snapshot is its manifest: JSON lines in one canonical form, first what holds for all, then one
line a picture, by key. The same rows give the same bytes, so the SHA-256 of the manifest is its
name, and whoever has the rows can make it again byte for byte. Pictures are named, not copied.
"""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from labeling.examples import Example
from labeling.splits import Joined, Ledger, Shares, Split, assign
from labeling.weighing import MOST, weight

FORMAT = 1


class BadSnapshot(ValueError):
    """It cannot be made, or is not what was written; the message says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture of a snapshot; ``weight`` is what it weighs in training."""

    example: Example
    split: Split
    weight: float


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """``rows`` stand in the order of their keys. ``most`` is the cap of the weights."""

    product: str
    shares: Shares
    most: float
    rows: Sequence[Row]

    @cached_property
    def manifest(self) -> bytes:
        """JSON lines in ASCII: the canonical form."""
        head = {
            "format": FORMAT,
            "product": self.product,
            "examples": len(self.rows),
            "golden": float(self.shares.golden),
            "val": float(self.shares.val),
            "ties": sorted(self.shares.ties),
            "most": float(self.most),
        }
        lines = [head, *(_as_json(row) for row in self.rows)]
        return "".join(f"{_canonical(line)}\n" for line in lines).encode("ascii")

    @cached_property
    def name(self) -> str:
        """SHA-256 of the manifest."""
        return hashlib.sha256(self.manifest).hexdigest()

    def of(self, split: Split) -> list[Row]:
        return [row for row in self.rows if row.split is split]

    @property
    def golden(self) -> frozenset[str]:
        """SHA-256 of the pictures that no training may see."""
        return frozenset(row.example.sha256 for row in self.of(Split.GOLDEN))


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A new snapshot, what is to be remembered for the next one, and what was set aside."""

    snapshot: Snapshot
    ledger: Ledger
    joined: Sequence[Joined]


def freeze(
    product: str,
    examples: Iterable[Example],
    *,
    ledger: Ledger | None = None,
    shares: Shares | None = None,
    most: float = MOST,
    learnt: Collection[str] = (),
) -> Frozen:
    """A snapshot of these examples; ``ledger`` is what the last one left, ``learnt`` as in
    ``splits.assign``. Their order does not matter. BadSnapshot without any, or with one key twice.
    """
    ordered = sorted(examples, key=lambda example: example.key)
    _refuse(ordered, most)
    rules = shares or Shares()
    assigned = assign(ordered, ledger or Ledger(), rules, product=product, learnt=learnt)
    rows = tuple(
        Row(
            example=example,
            split=assigned.splits[example.key],
            weight=weight(example.chance, most),
        )
        for example in ordered
    )
    snapshot = Snapshot(product=product, shares=rules, most=most, rows=rows)
    return Frozen(snapshot=snapshot, ledger=assigned.ledger, joined=assigned.joined)


def read(manifest: bytes, name: str) -> Snapshot:
    """The snapshot of this name; BadSnapshot if one byte is another than was written."""
    if hashlib.sha256(manifest).hexdigest() != name:
        raise BadSnapshot(
            f"The manifest does not have the SHA-256 {name} that names its snapshot: "
            "fetch it again, or make it anew from the database."
        )
    try:
        return _parsed(manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSnapshot(f"The manifest {name} cannot be read ({error}).") from error


def contradictions(snapshot: Snapshot) -> list[str]:
    """The same file with two labels, in sentences: one of them is wrong."""
    said: dict[str, dict[str, str]] = {}
    for row in snapshot.rows:
        known = said.setdefault(row.example.sha256, {})
        known.setdefault(row.example.label, row.example.key)
    return [
        f"The same picture is OK as {keys['OK']} and NOT_OK as {keys['NOT_OK']}: look at it again."
        for _, keys in sorted(said.items())
        if len(keys) > 1
    ]


def _refuse(ordered: Sequence[Example], most: float) -> None:
    if not ordered:
        raise BadSnapshot("There is no labelled picture to make a snapshot of.")
    if not 1 <= most < math.inf:
        raise BadSnapshot("The cap of the weights must be at least 1, what any picture stands for.")
    for one, other in pairwise(ordered):
        if one.key == other.key:
            raise BadSnapshot(f"The picture {one.key!r} is named twice: keep one of the two.")


def _as_json(row: Row) -> dict[str, Any]:
    return {**row.example.as_json(), "split": row.split.value, "weight": float(row.weight)}


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _parsed(manifest: bytes) -> Snapshot:
    head, *lines = [json.loads(line) for line in manifest.decode("ascii").splitlines()]
    if head["format"] != FORMAT:
        raise BadSnapshot(f"it has the format {head['format']}, and this version reads {FORMAT}")
    rows = tuple(
        Row(
            example=Example.from_json(line),
            split=Split(line["split"]),
            weight=line["weight"],
        )
        for line in lines
    )
    shares = Shares(golden=head["golden"], val=head["val"], ties=tuple(head["ties"]))
    return Snapshot(product=head["product"], shares=shares, most=head["most"], rows=rows)
