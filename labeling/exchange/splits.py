"""train, val and test without leaks: by a hash, so that nothing moves when pictures are added.

A picture belongs to the split that its lot falls into; without a lot, its part; without either,
the picture itself. Pictures that tie two lots together (a part that came back in another lot, the
same file sent twice) follow the first one; those that would bring a part, a lot or a file into
a second split stay out of all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from labeling.exchange.picture import LabelledPicture, Unfit, share

SPLITS = ("train", "val", "test")
SHARES = (0.8, 0.1, 0.1)


@dataclass(frozen=True)
class Keys:
    """What ties a picture to others. Empty words tie nothing."""

    product: str
    lot: str
    serial: str
    sha256: str

    @classmethod
    def of(cls, picture: LabelledPicture) -> "Keys":
        return cls(picture.product, picture.lot, picture.serial, picture.sha256)

    @property
    def group(self) -> str:
        if self.lot:
            return f"lot {self.lot}"
        return f"part {self.serial}" if self.serial else f"picture {self.sha256}"


@dataclass(frozen=True)
class Splitter:
    """``first_of_part`` and ``first_of_file`` hold the keys of the first picture, by serial and by
    sha256, where its pictures are in more than one group; others need not be in them.
    """

    shares: tuple[float, ...] = SHARES
    first_of_part: Mapping[str, Keys] = field(default_factory=dict)
    first_of_file: Mapping[str, Keys] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = len(self.shares) != len(SPLITS) or min(self.shares) < 0
        if wrong or abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError("The shares of train, val and test are three and add up to 1.")

    def split_of(self, keys: Keys) -> str:
        """Unfit if some of what it shows belongs to another split already."""
        own = self._drawn(keys)
        part, file = self.first_of_part.get(keys.serial), self.first_of_file.get(keys.sha256)
        if part and (other := self._drawn(part)) != own:
            raise Unfit(f"part {keys.serial} is in the split {other} by its first picture")
        if file and (other := self._drawn(file)) != own:
            raise Unfit(f"the same file is in the split {other} already")
        return own

    def _drawn(self, keys: Keys) -> str:
        at = share("split", keys.product, keys.group)
        train, val, _ = self.shares
        return SPLITS[0] if at < train else SPLITS[1] if at < train + val else SPLITS[2]


def firsts(pictures: Iterable[Keys]) -> tuple[dict[str, Keys], dict[str, Keys]]:
    """By part and by file, the keys of the first picture of each that is in several groups.

    Give it all pictures in the order of their arrival, labelled or not.
    """
    parts: dict[str, list[Keys]] = {}
    files: dict[str, list[Keys]] = {}
    for keys in pictures:
        if keys.serial:
            parts.setdefault(keys.serial, []).append(keys)
        files.setdefault(keys.sha256, []).append(keys)
    return _several(parts), _several(files)


def _several(known: Mapping[str, list[Keys]]) -> dict[str, Keys]:
    return {word: many[0] for word, many in known.items() if len({k.group for k in many}) > 1}
