"""What a COCO file says of one picture, of one region: checked, word by word.

Raises BadWords, whose message goes on after the name of what it is about.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labeling.exchange import runs
from labeling.exchange.coco import OURS
from labeling.exchange.picture import QA, Region
from labeling.words import EVALUATIONS, SEVERITIES, Origin

_LARGEST = 2**63 - 1
_COLOUR = re.compile("#[0-9A-Fa-f]{6}")
_LONGEST = 254  # letters of a person's name
_PICTURE = {"id", "width", "height", "file_name", OURS}
_REGION = {"id", "image_id", "category_id", "segmentation", "bbox", "area", OURS}
_CATEGORY = {"id", "name", OURS}
Said = Mapping[str, Any]


class BadWords(ValueError):
    """A word of the file cannot be kept; the message says which, and why."""


def ours(said: Said) -> Said:
    """What this project's own export said of it; empty for a foreign file."""
    found = said.get(OURS)
    return found if isinstance(found, dict) else {}


def rest(said: Said, known: set[str]) -> dict[str, Any]:
    """What no place of ours holds."""
    kept = {key: value for key, value in said.items() if key not in known}
    return {key: value for key, value in kept.items() if (key, value) != ("iscrowd", 0)}


def rest_of_picture(said: Said) -> dict[str, Any]:
    return rest(said, _PICTURE)


def rest_of_category(said: Said) -> dict[str, Any]:
    return rest(said, _CATEGORY)


def number(said: Said, key: str, *, least: int = 0, most: int = _LARGEST) -> int:
    value = said.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadWords(f"its {key} {value!r} is no whole number from {least} on")
    return value


def maybe_number(said: Said, key: str, *, least: int = 0, most: int = _LARGEST) -> int | None:
    return None if said.get(key) is None else number(said, key, least=least, most=most)


def text(said: Said, key: str, default: str = "", *, longest: int | None = None) -> str:
    value = said.get(key, default)
    value = default if value is None else value
    if not isinstance(value, str) or "\0" in value:
        raise BadWords(f"its {key} is no text")
    if longest is not None and len(value) > longest:
        raise BadWords(f"its {key} has more than {longest} letters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadWords(f"its {key} is no text") from None
    return value


def one_of(said: Said, key: str, words: tuple[str, ...], default: str) -> str:
    value = text(said, key, default)
    if value not in words:
        raise BadWords(f"its {key} {value!r} is not one of {', '.join(words)}")
    return value


def origin(said: Said, key: str = "origin") -> Origin:
    return Origin(one_of(said, key, tuple(Origin), Origin.MANUAL))


def moment(said: Said, key: str) -> datetime | None:
    value = text(said, key)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadWords(f"its {key} {value!r} is no time with a zone") from None


def colour(said: Said) -> str:
    value = text(said, "colour")
    if value and not _COLOUR.fullmatch(value):
        raise BadWords(f"its colour {value!r} is not written as #RRGGBB")
    return value


def apart(rows: list[Said], what: str) -> list[Said]:
    """The same rows, if each has a number of its own."""
    seen: set[Any] = set()
    for one in rows:
        if (found := number(one, "id")) in seen:
            raise BadWords(f"two {what} have the id {found}")
        seen.add(found)
    return rows


def seconds(said: Said) -> float | None:
    value = said.get("seconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadWords(f"its seconds {value!r} are no number")
    return float(value)


def evaluation(said: Said, default: str) -> str:
    return one_of(said, "evaluation", EVALUATIONS, default)


def person(said: Said) -> str:
    return text(said, "person", longest=_LONGEST)


def rows(said: Said, key: str) -> list[Said]:
    found = said.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadWords(f"its {key} are no list of objects")
    return found


def deleted(said: Said) -> tuple[int, ...]:
    found = said.get("deleted", [])
    if not isinstance(found, list):
        raise BadWords("its deleted are no list of numbers")
    return tuple(number({"deleted": one}, "deleted", most=32_767) for one in found)


def answer(said: Said) -> QA:
    return QA(
        slot=text(said, "slot", longest=32),
        question=text(said, "question"),
        predicted=text(said, "predicted"),
        corrected=text(said, "corrected"),
        origin=origin(said),
        edit_distance=maybe_number(said, "edit_distance", most=2**31 - 1),
    )


def region(said: Said, label: str | None, height: int, width: int) -> Region:
    """An annotation of a file as a region of a picture of this size."""
    own = ours(said)
    return Region(
        label=label,
        severity=one_of(own, "severity", ("", *SEVERITIES), ""),
        confidence=maybe_number(own, "confidence", least=1, most=5),
        note=text(own, "note"),
        origin=origin(own),
        counts=mask(said.get("segmentation"), height, width),
        finding=maybe_number(own, "finding", most=32_767),
        id=number(said, "id"),
        said=rest(said, _REGION),
    )


def mask(segmentation: Any, height: int, width: int) -> tuple[int, ...]:
    """Packed or plain run lengths, or polygons, as plain run lengths."""
    try:
        if isinstance(segmentation, list) and segmentation:
            return runs.from_polygons(segmentation, height, width)
        if not isinstance(segmentation, dict):
            raise BadWords("it has no mask: a box alone does not say which pixels are meant")
        if list(segmentation.get("size") or []) != [height, width]:
            raise BadWords("its mask is of another size than its picture")
        counts = segmentation.get("counts")
        if isinstance(counts, str):
            return runs.unpack(counts, height, width)
        return runs.checked(counts, height, width)
    except runs.BadRuns as error:
        raise BadWords(str(error)) from None
