"""A catalogue's file: bytes to rows, or to a sentence with its line for all that makes no sense.

Reading never raises for what is in the file, and reads no database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qms.plant.catalogue_csv import from_csv
from qms.plant.catalogue_json import from_json
from qms.plant.catalogue_rows import Problem, Row, Unreadable, words_of

LARGEST = 1_000_000  # bytes
MOST = 2_000  # rows


@dataclass(frozen=True)
class Reading:
    rows: list[Row]
    problems: list[Problem]


def read(name: str, data: bytes) -> Reading:
    """Rows and problems of a file, whose name says what it is."""
    try:
        text = _text(data)
        kind = name.lower().rpartition(".")[2]
        if kind not in ("json", "csv"):
            raise Unreadable("Name the file .json or .csv, so that it is read as what it is.")
        rows, problems = from_json(text) if kind == "json" else from_csv(text)
    except Unreadable as error:
        return Reading([], [Problem(max(1, error.line), str(error))])
    if not rows and not problems:
        problems = [Problem(1, "The file holds no rows: there is nothing to import.")]
    if len(rows) > MOST:
        problems = [Problem(rows[MOST].line, f"A file holds {MOST:,} rows at most: divide it.")]
    return Reading(rows, sorted([*problems, *_twice(rows)]))


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise Unreadable("The file is larger than 1 MB: divide it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("The file is not UTF-8 here: save it as UTF-8.", line) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable("The file holds a NUL character here: it is no text file.", line)
    return text


def _twice(rows: Sequence[Row]) -> Iterator[Problem]:
    """A station's code is unique in the whole house, every other one in what it is in."""
    first: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.kind, "" if row.kind == "station" else row.of, row.code)
        if key in first:
            yield Problem(
                row.line,
                f"The {words_of(row.kind)} {row.code} stands in line {first[key]} already.",
            )
        first.setdefault(key, row.line)
