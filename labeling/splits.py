"""Which pictures a model may learn from, and by which it is measured: for ever.

Pictures of one part, lot, scene or file belong together, and so does what is tied through them:
a connected group lies in one split as a whole. A new group's split is drawn by a hash of its
name, so it depends on nothing else. After that the ledger holds it: splits, and ties as well,
are remembered even when the pictures that told them are gone.

A later picture may show that two groups of different splits belong together. Then leakage wins.
What training has seen cannot be unseen, so the split that was looked at most keeps the group
(train before val before golden), and the pictures of it that lay elsewhere are set aside: they
are neither learnt from nor measured by any more. So nothing ever moves from one split into
another, and no training ever sees what was golden.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from labeling.examples import Example

TIES = ("part", "lot", "scene")  # the file itself always ties
_FILE = "sha256:"


class Split(StrEnum):
    """What a picture is for. GOLDEN measures, and no training ever sees it."""

    TRAIN = "train"
    VAL = "val"
    GOLDEN = "golden"
    ASIDE = "aside"


_SEEN = (Split.TRAIN, Split.VAL, Split.GOLDEN)  # the most looked at by training first


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of what is new goes where; the rest is for training. ValueError if none is left."""

    golden: float = 0.2
    val: float = 0.1
    ties: tuple[str, ...] = TIES

    def __post_init__(self) -> None:
        if min(self.golden, self.val) < 0 or self.golden + self.val >= 1:
            raise ValueError("golden and val are shares that leave something for training")
        if not set(self.ties) <= set(TIES):
            raise ValueError(f"pictures are tied by {', '.join(TIES)}, nothing else")


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What was decided before. ``groups`` maps a token ("part:P7") to the name of its group,
    ``splits`` a group to its split, ``aside`` the SHA-256 of a picture to why it is set aside.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, Split] = field(default_factory=dict)
    aside: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "groups": dict(sorted(self.groups.items())),
            "splits": {name: split.value for name, split in sorted(self.splits.items())},
            "aside": dict(sorted(self.aside.items())),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        splits = {name: Split(split) for name, split in value["splits"].items()}
        return cls(groups=value["groups"], splits=splits, aside=value["aside"])


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Groups of different splits that turned out to belong together.

    ``by`` are the keys of the pictures that say so; none where a model had learnt from the group
    before. ``aside`` are the SHA-256 of pictures that no longer count.
    """

    kept: Split
    groups: tuple[tuple[str, Split], ...]
    by: tuple[str, ...]
    aside: tuple[str, ...]

    @property
    def sentence(self) -> str:
        named = " and ".join(f"{name} ({split})" for name, split in self.groups)
        if not self.by:
            cause = f"A model had learnt from {named} before"
        else:
            more = f" and {len(self.by) - 1} more" if len(self.by) > 1 else ""
            cause = f"By the picture {self.by[0]}{more}, {named} belong together"
        count = len(self.aside)
        pictures = "1 picture is" if count == 1 else f"{count} pictures are"
        return (
            f"{cause}: {self.kept} keeps them, because it saw the most, and {pictures} set aside, "
            "neither learnt from nor measured by any more."
        )


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """``splits`` maps the key of an example to its split."""

    splits: Mapping[str, Split]
    ledger: Ledger
    joined: tuple[Joined, ...]


@dataclass(kw_only=True)
class _Group:
    tokens: list[str] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)


def assign(
    examples: Sequence[Example],
    ledger: Ledger,
    shares: Shares,
    *,
    product: str,
    learnt: Collection[str] = (),
) -> Assignment:
    """A split for each example, and the ledger for the next time.

    ``learnt``: SHA-256 of the pictures that any model has learnt from already, enrolled normals
    for instance; their groups are train. The order of the examples does not matter.
    """
    tokens = {example.key: tokens_of(example, shares.ties) for example in examples}
    splits: dict[str, Split] = {}
    groups, held, aside = dict(ledger.groups), dict(ledger.splits), dict(ledger.aside)
    joined = []
    for group in _connected(examples, tokens, ledger):
        name, split, found = _settle(group, tokens, ledger, shares, product, frozenset(learnt))
        groups.update(dict.fromkeys(group.tokens, name))
        held[name] = split
        if found:
            joined.append(found)
            aside.update(dict.fromkeys(found.aside, found.sentence))
        splits.update({example.key: split for example in group.examples})
    for example in examples:
        if example.sha256 in aside:
            splits[example.key] = Split.ASIDE
    names = set(groups.values())
    held = {name: split for name, split in held.items() if name in names}
    return Assignment(
        splits=splits,
        ledger=Ledger(groups=groups, splits=held, aside=aside),
        joined=tuple(sorted(joined, key=lambda one: one.groups)),
    )


def tokens_of(example: Example, ties: Iterable[str] = TIES) -> list[str]:
    """All that ties the picture to others, as text."""
    known = [(kind, getattr(example, kind)) for kind in ties]
    return [f"{_FILE}{example.sha256}", *(f"{kind}:{value}" for kind, value in known if value)]


def draw(product: str, group: str, shares: Shares) -> Split:
    """The split of a new group, by hash: the same wherever and whenever it is asked."""
    digest = hashlib.sha256(f"split\0{product}\0{group}".encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < shares.golden:
        return Split.GOLDEN
    return Split.VAL if place < shares.golden + shares.val else Split.TRAIN


def _connected(
    examples: Sequence[Example], tokens: Mapping[str, list[str]], ledger: Ledger
) -> list[_Group]:
    """The groups that the examples are in, with all that the ledger ties to them."""
    parents: dict[str, str] = {}
    for token, name in ledger.groups.items():
        _tie(parents, [token, name])
    for own in tokens.values():
        _tie(parents, own)
    found: dict[str, _Group] = {}
    for example in sorted(examples, key=lambda one: one.key):
        root = _root(parents, tokens[example.key][0])
        found.setdefault(root, _Group()).examples.append(example)
    for token in sorted(parents):
        if group := found.get(_root(parents, token)):
            group.tokens.append(token)
    return list(found.values())


def _tie(parents: dict[str, str], tokens: Sequence[str]) -> None:
    first = _root(parents, tokens[0])
    for token in tokens[1:]:
        parents[_root(parents, token)] = first


def _root(parents: dict[str, str], token: str) -> str:
    parents.setdefault(token, token)
    while parents[token] != token:
        parents[token] = parents[parents[token]]  # halves the way for the next who asks
        token = parents[token]
    return token


def _settle(
    group: _Group,
    tokens: Mapping[str, list[str]],
    ledger: Ledger,
    shares: Shares,
    product: str,
    learnt: frozenset[str],
) -> tuple[str, Split, Joined | None]:
    """The group's name and split, and what it spoilt."""
    names = {ledger.groups[token] for token in group.tokens if token in ledger.groups}
    before = {name: ledger.splits[name] for name in sorted(names)}
    taught = any(token.removeprefix(_FILE) in learnt for token in group.tokens)
    held = {*before.values(), *((Split.TRAIN,) if taught else ())}
    if not held:
        return group.tokens[0], draw(product, group.tokens[0], shares), None
    split = next(one for one in _SEEN if one in held)
    name = next((one for one, was in before.items() if was == split), min([*names, *group.tokens]))
    if set(before.values()) <= {split}:
        return name, split, None
    return name, split, _joined(group, tokens, ledger, before, split)


def _joined(
    group: _Group,
    tokens: Mapping[str, list[str]],
    ledger: Ledger,
    before: Mapping[str, Split],
    kept: Split,
) -> Joined:
    spoilt = [
        token.removeprefix(_FILE)
        for token in group.tokens
        if token.startswith(_FILE) and token in ledger.groups
        if before[ledger.groups[token]] != kept and token.removeprefix(_FILE) not in ledger.aside
    ]
    by = _telling(group, tokens, ledger) if len(before) > 1 else []
    return Joined(kept=kept, groups=tuple(before.items()), by=tuple(by), aside=tuple(spoilt))


def _telling(group: _Group, tokens: Mapping[str, list[str]], ledger: Ledger) -> list[str]:
    """The pictures that tie former groups together: by themselves, or at least with others."""
    touched = {
        one.key: {ledger.groups.get(token, "") for token in tokens[one.key]}
        for one in group.examples
    }
    alone = [key for key, names in touched.items() if len(names - {""}) > 1]
    return alone or [key for key, names in touched.items() if "" in names and len(names) > 1]
