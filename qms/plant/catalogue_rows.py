"""What a catalogue is made of: rows of six kinds, whatever file they came from.

docs/catalogue.md tells of the formats. A row knows its line, so that what is wrong with it can be
found.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PARENT = {
    "site": "",
    "line": "site",
    "station": "line",
    "product": "",
    "defect_type": "product",
    "question": "product",
}
WORDS: dict[str, tuple[str, ...]] = {
    "site": ("name", "time_zone"),
    "line": ("name",),
    "station": ("name", "takt_seconds"),
    "product": ("name", "revision"),
    "defect_type": (
        "name",
        "alias",
        "severity",
        "colour",
        "shape",
        "description",
        "raises_after",
        "active",
    ),
    "question": ("text", "choices"),
}


@dataclass(frozen=True, order=True)
class Problem:
    line: int
    sentence: str


@dataclass(frozen=True)
class Row:
    """``of`` is the code of what it is in: a station's is site/line. Its line is no part of it."""

    kind: str
    of: str
    code: str
    words: dict[str, Any]
    line: int = field(default=0, compare=False)


class Unreadable(Exception):
    """The file as a whole makes no sense; or one value of it, then without a line."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


def words_of(kind: str) -> str:
    return kind.replace("_", " ")


def path_of(row: Row) -> str:
    return f"{row.of}/{row.code}" if row.of and row.kind != "station" else row.code


def code_of(code: Any, kind: str) -> str:
    if not _is_text(code) or not code:
        raise Unreadable(f"A {words_of(kind)} has a {'slot' if kind == 'question' else 'code'}.")
    if "/" in code:
        raise Unreadable(f"{code!r} is no code of a {words_of(kind)}: it has no /.")
    return str(code)


def typed(kind: str, name: str, value: Any) -> Any:
    """The value, if it is of the kind that its name asks for."""
    if name not in WORDS[kind]:
        raise Unreadable(f"A {words_of(kind)} has no {name!r}: it has {', '.join(WORDS[kind])}.")
    fits, wanted = _WANTED.get(name, (_is_text, "text"))
    if not fits(value):
        raise Unreadable(f"{name} is {wanted}, not {json.dumps(value)[:40]}.")
    return float(value) if name == "takt_seconds" and value is not None else value


def _is_text(value: Any) -> bool:
    """That the database can hold: JSON can write half a character, and NUL."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_number(value: Any) -> bool:
    """That a float can hold: a whole number of hundreds of digits is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "takt_seconds": (lambda v: v is None or _is_number(v), "a number of seconds or null"),
    "raises_after": (lambda v: v is None or _is_count(v), "a whole number from 1 on or null"),
    "active": (lambda v: isinstance(v, bool), "true or false"),
    "choices": (
        lambda v: isinstance(v, list) and all(map(_is_text, v)),
        "a list of texts",
    ),
}
