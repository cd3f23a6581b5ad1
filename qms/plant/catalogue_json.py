"""A catalogue as JSON: what is in something stands in its object."""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from json.decoder import JSONObject  # type: ignore[attr-defined]  # not in the stubs
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from qms.plant.catalogue_rows import PARENT, Problem, Row, Unreadable, code_of, typed

VERSION = 1
_BELOW = {"site": ("line",), "line": ("station",), "product": ("defect_type", "question")}


class _Placed(dict[str, Any]):
    """A JSON object that knows its line."""

    line = 1


def _decoder(text: str) -> json.JSONDecoder:
    starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def parse_object(source: tuple[str, int], *args: Any) -> tuple[_Placed, int]:
        line = bisect_right(starts, source[1] - 1)
        try:
            found, end = JSONObject(source, *args)
        except Unreadable as error:
            raise Unreadable(str(error), error.line or line) from None
        placed = _Placed(found)
        placed.line = line
        return placed, end

    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    decoder.parse_object = parse_object  # type: ignore[attr-defined]  # not in the stubs
    decoder.scan_once = py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The word {twice!r} stands twice in one object: keep one of them.")
    return dict(pairs)


def _no_constant(text: str) -> None:
    raise Unreadable(f"{text} is no number that can be kept: write a plain one.")


def from_json(text: str) -> tuple[list[Row], list[Problem]]:
    try:
        found = _decoder(text).decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"This is no JSON: {error.msg}.", error.lineno) from None
    except RecursionError:
        raise Unreadable("This is no catalogue: it is nested too deep.") from None
    except ValueError as error:  # a number with thousands of digits
        raise Unreadable(f"This is no JSON that can be kept: {error}.") from None
    if not isinstance(found, _Placed) or found.get("andon_catalogue") != VERSION:
        raise Unreadable(
            f'This is no catalogue: it begins with {{"andon_catalogue": {VERSION}, ...}}.'
        )
    rows: list[Row] = []
    unknown = [name for name in found if name not in ("andon_catalogue", "sites", "products")]
    problems = [Problem(found.line, f"A catalogue has no {name!r}.") for name in unknown]
    for kind in ("site", "product"):
        _collect(found, kind, "", rows, problems)
    return rows, problems


def _collect(inside: _Placed, kind: str, of: str, rows: list[Row], problems: list[Problem]) -> None:
    """The objects of one kind in another object, and all that is in them."""
    listed = inside.get(f"{kind}s", [])
    if not isinstance(listed, list):
        problems.append(Problem(inside.line, f"Write {kind}s as a list: [ ... ]."))
        return
    for one in listed:
        if not isinstance(one, _Placed):
            problems.append(Problem(inside.line, f"Each of the {kind}s is an object: {{ ... }}."))
            continue
        try:
            row = _row_of(one, kind, of)
        except Unreadable as error:
            problems.append(Problem(one.line, str(error)))
            continue
        rows.append(row)
        for inner in _BELOW.get(kind, ()):
            path = f"{of}/{row.code}" if kind == "line" else row.code
            _collect(one, inner, path, rows, problems)


def _row_of(one: _Placed, kind: str, of: str) -> Row:
    key = "slot" if kind == "question" else "code"
    lists = {f"{inner}s" for inner in _BELOW.get(kind, ())}
    given = {name: value for name, value in one.items() if name not in (*lists, key)}
    words = {name: typed(kind, name, value) for name, value in given.items()}
    return Row(kind, of, code_of(one.get(key), kind), words, one.line)


def to_json(rows: Sequence[Row]) -> str:
    """Rows in the order of PARENT's kinds, each after what it is in."""
    catalogue: dict[str, Any] = {"andon_catalogue": VERSION, "sites": [], "products": []}
    places: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        made = {"slot" if row.kind == "question" else "code": row.code, **row.words}
        inside = places[PARENT[row.kind], row.of] if PARENT[row.kind] else catalogue
        inside.setdefault(f"{row.kind}s", []).append(made)
        places[row.kind, f"{row.of}/{row.code}" if row.kind == "line" else row.code] = made
    return json.dumps(catalogue, ensure_ascii=False, indent=2) + "\n"
