"""What the line board shows at one moment, and what of it is news to somebody."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qms.reports.tiles import Tile
from qms.web.board import Looker, drawn


@dataclass(frozen=True)
class Drawn:
    tile: Tile
    version: str
    html: str


@dataclass(frozen=True)
class Frame:
    """The tiles as each kind of people sees them: reviewers (True), and those who are not."""

    kinds: Mapping[bool, Sequence[Drawn]]

    def said_to(self, looker: Looker, seen: dict[str, str] | None) -> tuple[bytes, dict[str, str]]:
        """What brings somebody up to date who has seen these versions, and what they have seen
        then: the tiles that changed, or all if some came or went or nothing was seen yet."""
        mine = [one for one in self.kinds[looker.reviewer] if looker.sees(one.tile)]
        versions = {one.tile.key: one.version for one in mine}
        if seen is None or list(seen) != list(versions):
            return event("board", _joined(mine)), versions
        news = [one for one in mine if seen[one.tile.key] != one.version]
        return event("tiles", _joined(news)) if news else b"", versions


def draw(kinds: Mapping[bool, Iterable[Tile]], former: Frame | None, *, now: datetime) -> Frame:
    """Each tile once for each kind of people; one that did not change is not drawn again."""
    known = {
        (kind, one.tile.key, one.version): one
        for kind, row in (former.kinds if former else {}).items()
        for one in row
    }
    found = {}
    for kind, tiles in kinds.items():
        row = []
        for tile in tiles:
            version = tile.version
            old = known.get((kind, tile.key, version))
            row.append(old or Drawn(tile, version, drawn(tile, now=now)))
        found[kind] = row
    return Frame(found)


def event(name: str, data: str) -> bytes:
    """A server-sent event. Its data may have several lines."""
    lines = "".join(f"data: {row}\n" for row in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def _joined(tiles: Iterable[Drawn]) -> str:
    return "".join(one.html for one in tiles)
