"""What changed between two snapshots, in data and in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labeling.dataset import Row, Snapshot
from labeling.splits import Split

Change = tuple[str, str, str]  # key, before, after


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Keys of pictures, each list in order. A picture may stand in several."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    relabelled: tuple[Change, ...]
    redrawn: tuple[str, ...]  # other regions under the same label
    replaced: tuple[str, ...]  # another file under the same key
    moved: tuple[Change, ...]  # split before and after; only ASIDE can be new
    reweighted: tuple[str, ...]  # another weight or chance
    retold: tuple[str, ...]  # anything else: who, when, source, part, lot, scene
    rules: tuple[Change, ...]  # product, shares, ties, cap

    @property
    def sentence(self) -> str:
        aside = sum(after == Split.ASIDE for _, _, after in self.moved)
        told = [
            _count(len(self.new), "new picture"),
            _count(len(self.gone), "picture", "gone"),
            _count(len(self.relabelled), "label", "changed"),
            _count(len(self.redrawn), "picture", "with other regions"),
            _count(len(self.replaced), "file", "replaced"),
            _count(aside, "picture", "set aside"),
            _count(len(self.moved) - aside, "picture", "in another split"),
            _count(len(self.reweighted), "weight", "changed"),
            _count(len(self.retold), "picture", "with other particulars"),
            *(f"{name} {after} instead of {before}" for name, before, after in self.rules),
        ]
        known = [words for words in told if words]
        return f"{', '.join(known)}." if known else "Nothing changed."


def difference(before: Snapshot | None, after: Snapshot) -> Difference:
    """From one snapshot to a later one; None: there was none before."""
    old = {row.example.key: row for row in before.rows} if before else {}
    new = {row.example.key: row for row in after.rows}
    both = {key: (old[key], row) for key, row in new.items() if key in old}
    return Difference(
        new=tuple(key for key in new if key not in old),
        gone=tuple(key for key in old if key not in new),
        relabelled=_changes(both, lambda row: row.example.label),
        redrawn=tuple(key for key, (was, now) in both.items() if _redrawn(was, now)),
        replaced=tuple(key for key, (was, now) in both.items() if _file(was) != _file(now)),
        moved=_changes(both, lambda row: row.split.value),
        reweighted=tuple(key for key, (was, now) in both.items() if _drawn(was) != _drawn(now)),
        retold=tuple(key for key, (was, now) in both.items() if _retold(was) != _retold(now)),
        rules=_rules(before, after) if before else (),
    )


def _changes(both: Mapping[str, tuple[Row, Row]], of: Any) -> tuple[Change, ...]:
    return tuple((key, of(was), of(now)) for key, (was, now) in both.items() if of(was) != of(now))


def _redrawn(was: Row, now: Row) -> bool:
    same = was.example.label == now.example.label
    return same and was.example.as_json()["regions"] != now.example.as_json()["regions"]


def _file(row: Row) -> tuple[str, int, int, int]:
    one = row.example
    return one.sha256, one.size, one.width, one.height


def _drawn(row: Row) -> tuple[float, float | None]:
    return row.weight, row.example.chance


_ELSEWHERE = ("label", "regions", "sha256", "size", "width", "height", "chance")


def _retold(row: Row) -> dict[str, Any]:
    told = row.example.as_json()
    return {name: value for name, value in told.items() if name not in _ELSEWHERE}


def _rules(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    pairs = zip(_told(before).items(), _told(after).values(), strict=True)
    return tuple((name, was, now) for (name, was), now in pairs if was != now)


def _told(snapshot: Snapshot) -> dict[str, str]:
    shares = snapshot.shares
    return {
        "product": snapshot.product,
        "golden share": f"{shares.golden:g}",
        "val share": f"{shares.val:g}",
        "tied by": " and ".join(sorted(shares.ties)) or "file alone",
        "heaviest weight": f"{snapshot.most:g}",
    }


def _count(number: int, thing: str, end: str = "") -> str:
    if not number:
        return ""
    return " ".join(word for word in (f"{number:,} {thing}{'s' * (number != 1)}", end) if word)
