"""Does the text agree with the pixels? Pure: no database.

A description that names another type, place or number than what is marked is a cheap sign of
uncertainty that the score does not carry.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)}|an?|\d+)\b", re.I)
_COUNTED = re.compile(
    r"^(?P<what>[^.]*?)\b(?:was|were) found\b|\bthere (?:is|are) (?P<rest>[^.]*)", re.I
)
_PLACES = ("top left", "top right", "bottom left", "bottom right", "centre", "top", "bottom")
_SIDES = ("left", "right")
_CERTAIN_OK = re.compile(r"\bno (?:deviation|defect|anomaly|damage)s?\b", re.I)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """One marked region: the type that the model names (empty: none), and its place."""

    code: str = ""
    name: str = ""
    critical: bool = False
    cell: str = ""


def contradictions(
    evaluation: str, marked: Sequence[Marked], description: str, *, known_types: Sequence[str]
) -> list[str]:
    """What does not agree, each in a sentence; nothing where all does."""
    if evaluation == "OK":
        return [] if not marked else [f"It is called OK, but {_regions(len(marked))} marked."]
    found = []
    if _CERTAIN_OK.search(description):
        found.append("The description sees no defect, the score does.")
    return [*found, *_of_number(marked, description), *_of_type(marked, description, known_types),
            *_of_place(marked, description)]  # fmt: skip


def _of_number(marked: Sequence[Marked], text: str) -> list[str]:
    """ "Two scratches and one region were found": the numbers before it must add up."""
    said = _COUNTED.search(text)
    numbers = _NUMBER.findall((said["what"] or said["rest"]) if said else "")
    total = sum(_number(word.lower()) for word in numbers)
    if not numbers or total == len(marked):
        return []
    return [f"The description counts {total}, but {_regions(len(marked))} marked."]


def _number(word: str) -> int:
    if word in ("a", "an"):
        return 1
    return int(word) if word.isdigit() else _NUMBERS.index(word)


def _of_type(marked: Sequence[Marked], text: str, known: Sequence[str]) -> list[str]:
    """A type that the text names must be the type of a region."""
    named = [code for code in known if _names(text, code)]
    if not named or not any(one.code for one in marked):
        return []
    strange = [code for code in named if code not in {one.code for one in marked}]
    return [
        f"The description names {_words(code)}, but no marked region is one." for code in strange
    ]


def _names(text: str, code: str) -> bool:
    return re.search(rf"\b{re.escape(_words(code))}\b", text, re.I) is not None


def _of_place(marked: Sequence[Marked], text: str) -> list[str]:
    """The one place that the text names must be that of a region."""
    low = text.lower()
    said = next((place for place in _PLACES if re.search(rf"\b{place}\b", low)), "") or next(
        (side for side in _SIDES if re.search(rf"\bon the {side}\b", low)), ""
    )
    if not said or not marked or said in {one.cell for one in marked}:
        return []
    cells = ", ".join(dict.fromkeys(one.cell for one in marked))
    return [f"The description says {said}, but what is marked lies at: {cells}."]


def _words(code: str) -> str:
    return code.replace("_", " ").replace("-", " ").strip()


def _regions(number: int) -> str:
    return "one region is" if number == 1 else f"{number} regions are"
