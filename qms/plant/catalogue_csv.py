"""A catalogue as CSV: one row a line; what it is in stands in the column ``of``."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from qms.plant.catalogue_rows import (
    PARENT,
    WORDS,
    Problem,
    Row,
    Unreadable,
    code_of,
    typed,
    words_of,
)

COLUMNS = ("kind", "of", "code", *dict.fromkeys(word for words in WORDS.values() for word in words))
# An empty cell is an empty value of these; of all others it says nothing.
_MAY_BE_EMPTY = {
    "name",
    "alias",
    "revision",
    "description",
    "takt_seconds",
    "raises_after",
    "choices",
}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def from_csv(text: str) -> tuple[list[Row], list[Problem]]:
    head = text.partition("\n")[0]
    comma = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    try:
        columns = _columns(next(reader, []))
        start = reader.line_num + 1
        for cells in reader:
            if any(cells):
                _add(columns, cells, start, rows, problems)
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"This is no CSV: {error}.", reader.line_num) from None
    return rows, problems


def _columns(head: Sequence[str]) -> list[str]:
    columns = [name.strip() for name in head]
    missing = [name for name in ("kind", "code") if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    if missing:
        raise Unreadable(f"The first line names the columns: {missing[0]!r} is missing.")
    if unknown:
        raise Unreadable(f"There is no column {unknown[0]!r}: there are {', '.join(COLUMNS)}.")
    if len(set(columns)) != len(columns):
        raise Unreadable("The first line names a column twice: keep one of them.")
    return columns


def _add(
    columns: Sequence[str],
    cells: Sequence[str],
    line: int,
    rows: list[Row],
    problems: list[Problem],
) -> None:
    try:
        if len(cells) > len(columns):
            raise Unreadable(f"There are {len(cells)} cells under {len(columns)} columns.")
        rows.append(_row_of_cells(dict(zip(columns, map(_armed, cells), strict=False)), line))
    except Unreadable as error:
        problems.append(Problem(line, str(error)))


def _row_of_cells(cells: dict[str, str], line: int) -> Row:
    kind, of, code = cells.pop("kind", "").strip(), cells.pop("of", ""), cells.pop("code", "")
    if kind not in PARENT:
        raise Unreadable(f"There is no kind {kind!r}: there are {', '.join(PARENT)}.")
    if bool(of) != bool(PARENT[kind]):
        wanted = f"names its {words_of(PARENT[kind])}" if PARENT[kind] else "stays empty"
        raise Unreadable(f"The column 'of' of a {words_of(kind)} {wanted}.")
    words = {
        name: typed(kind, name, _value(name, cell))
        for name, cell in cells.items()
        if cell or (name in WORDS[kind] and name in _MAY_BE_EMPTY)
    }
    if kind == "defect_type" and not words.get("name"):
        words.pop("name", None)  # a defect type has a name: an empty cell says nothing of it
    return Row(kind, of, code_of(code, kind), words, line)


def _value(name: str, cell: str) -> Any:
    """What JSON would have said."""
    if name == "choices":
        return cell.split("|") if cell else []
    if name == "active":
        return {"yes": True, "no": False}.get(cell, cell)
    if name not in ("takt_seconds", "raises_after"):
        return cell
    try:
        return None if not cell else int(cell) if name == "raises_after" else float(cell)
    except ValueError:
        return cell


def _armed(cell: str) -> str:
    """Without the ' that keeps a spreadsheet from taking a text for a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _disarmed(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def to_csv(rows: Sequence[Row]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {"kind": row.kind, "of": row.of, "code": row.code, **row.words}
        writer.writerow([_disarmed(_cell(cells.get(name))) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "|".join(value)
    return repr(value) if isinstance(value, float) else str(value)
