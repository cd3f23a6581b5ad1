"""What a person changed in a text, word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_LONGEST = 2_000  # words: comparing longer texts costs more than it tells


@dataclass(frozen=True)
class Piece:
    """A stretch of text. ``kind`` is "kept", "gone" (the model's) or "new" (the person's)."""

    kind: str
    text: str


def by_words(before: str, after: str) -> list[Piece]:
    """The pieces in reading order; all but the gone ones give ``after``, all but the new ``before``.

    Long texts are told whole.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > _LONGEST:
        return [piece for piece in (Piece("gone", before), Piece("new", after)) if piece.text]
    return list(_pieces(old, new))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    gone = added = ""
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        before, after = "".join(old[i:j]), "".join(new[k:m])
        between = tag == "equal" and not after.strip() and (gone or added)
        if tag != "equal" or between:  # two changed words are read as one change
            gone, added = gone + before, added + after
            continue
        yield from _change(gone, added)
        gone = added = ""
        yield Piece("kept", after)
    yield from _change(gone, added)


def _change(gone: str, added: str) -> Iterator[Piece]:
    """What both ends have in common, such as a space, is no part of the change."""
    space = gone[len(gone.rstrip()) :]
    tail = len(space) if added.endswith(space) else 0
    yield from _told("gone", gone[: len(gone) - tail])
    yield from _told("new", added[: len(added) - tail])
    yield from _told("kept", gone[len(gone) - tail :])


def _told(kind: str, text: str) -> Iterator[Piece]:
    if text:
        yield Piece(kind, text)
