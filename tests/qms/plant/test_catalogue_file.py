"""A catalogue's file: what goes out comes back the same; what makes no sense is told by line."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.plant.catalogue_csv import to_csv
from qms.plant.catalogue_file import LARGEST, MOST, read
from qms.plant.catalogue_json import to_json
from qms.plant.catalogue_rows import PARENT, WORDS, Row

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
CODE = st.text("abcXYZ019_.+-", min_size=1, max_size=6)
SOME = TEXT.filter(bool)
CHOICE = st.text("abc =+-'\"", min_size=1, max_size=5)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "time_zone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "takt_seconds": st.none() | st.floats(1e-3, 1e6),
    "severity": st.sampled_from(["MAJOR", "MINOR"]),
    "colour": st.just("#D55E00"),
    "shape": st.just("star"),
    "raises_after": st.none() | st.integers(1, 2**31 - 1),
    "active": st.booleans(),
    "text": SOME,
    "choices": st.lists(CHOICE, max_size=3),
}


@st.composite
def row(draw: st.DrawFn, kind: str, of: str) -> Row:
    words = {name: draw(VALUES.get(name, TEXT)) for name in WORDS[kind]}
    if kind == "defect_type":
        words["name"] = draw(SOME)
    return Row(kind, of, draw(CODE), words)


@st.composite
def catalogue(draw: st.DrawFn) -> list[Row]:
    """Rows in the order of the export: each after what it is in, no code twice."""
    rows: list[Row] = []

    def grow(kind: str, of: str) -> None:
        for _ in range(draw(st.integers(0, 2))):
            made = draw(row(kind, of))
            rows.append(made)
            path = f"{of}/{made.code}" if kind == "line" else made.code
            for inner in [inner for inner, parent in PARENT.items() if parent == kind]:
                grow(inner, path)

    grow("site", "")
    grow("product", "")
    keys = {(r.kind, "" if r.kind == "station" else r.of, r.code): r for r in rows}
    if len(keys) != len(rows):
        return []
    return rows


@given(catalogue())
def test_json_out_and_in_is_the_same(rows):
    reading = read("c.json", to_json(rows).encode())
    assert reading.rows == rows
    assert [p for p in reading.problems if rows] == []


@given(catalogue())
def test_csv_out_and_in_is_the_same(rows):
    reading = read("c.csv", to_csv(rows).encode())
    assert reading.rows == rows
    assert [p for p in reading.problems if rows] == []


@given(catalogue(), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_a_semicolon_and_a_byte_order_mark_of_a_spreadsheet_are_understood(rows, encoding):

    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(csv.reader(io.StringIO(to_csv(rows), newline="")))
    assert read("c.csv", out.getvalue().encode(encoding)).rows == rows


@given(st.binary(max_size=200), st.sampled_from(["json", "csv"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(data, kind):
    reading = read(f"c.{kind}", data)
    assert reading.problems or reading.rows
    assert all(p.line >= 1 and p.sentence.endswith((".", "?")) for p in reading.problems)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "andon_catalogue",
                        "sites",
                        "products",
                        "lines",
                        "code",
                        "name",
                        "defect_types",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused_in_a_sentence(value):
    wrapped = value if isinstance(value, dict) else {"sites": value}
    reading = read("c.json", json.dumps({**wrapped, "andon_catalogue": 1}).encode())
    assert reading.problems or reading.rows


def sentence(name: str, text: str | bytes) -> tuple[int, str]:
    (problem,) = read(name, text if isinstance(text, bytes) else text.encode()).problems
    return problem.line, problem.sentence


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('{\n"andon_catalogue": 1,\n"sites": [}\n', 3, "This is no JSON"),
        ("[]", 1, "begins with"),
        ('{"sites": []}', 1, "begins with"),
        ('{"andon_catalogue": 2}', 1, "begins with"),
        ('{"andon_catalogue": 1}', 1, "holds no rows"),
        ('{"andon_catalogue": 1, "site": []}', 1, "no 'site'"),
        ('{"andon_catalogue": 1,\n"sites": {}}', 1, "as a list"),
        ('{"andon_catalogue": 1,\n"sites": [7]}', 1, "is an object"),
        ('{"andon_catalogue": 1,\n"sites": [\n{}]}', 3, "A site has a code"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": 7}]}', 3, "A site has a code"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a/b"}]}', 3, "it has no /"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a", "zone": "UTC"}]}', 3, "no 'zone'"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a", "name": null}]}', 3, "name is text"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a", "name": "\\u0000"}]}', 3, "is text"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a", "name": "\\ud800"}]}', 3, "is text"),
        ('{"andon_catalogue": 1,\n"sites": [\n{"code": "a",\n"code": "b"}]}', 3, "stands twice"),
        ('{"andon_catalogue": 1,\n"sites": [{"code": "a"},\n{"code": "a"}]}', 3, "line 2 already"),
        ('{"andon_catalogue": 1, "products":\n[{"code": "p", "x": NaN}]}', 2, "NaN is no number"),
        ("[" * 100_000, 1, "nested too deep"),
        ('{"andon_catalogue": ' + "1" * 5000 + "}", 1, "no JSON that can be kept"),
    ],
)
def test_what_is_wrong_with_json_is_told_with_its_line(text, line, said):
    at, told = sentence("c.json", text)
    assert (at, said in told) == (line, True), told


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("code,name\n", 1, "'kind' is missing"),
        ("kind,code,colr\n", 1, "no column 'colr'"),
        ("kind,code,code\n", 1, "a column twice"),
        ("kind,of,code\n", 1, "holds no rows"),
        ("kind,of,code\nsite,,a\ncamera,,b\n", 3, "no kind 'camera'"),
        ("code,kind\nabc\n", 2, "no kind ''"),
        ("kind,of,code\nsite,x,a\n", 2, "of a site stays empty"),
        ("kind,of,code\nline,,a\n", 2, "of a line names its site"),
        ("kind,of,code\nsite,,a,b\n", 2, "4 cells under 3 columns"),
        ("kind,of,code,takt_seconds\nsite,,a,3\n", 2, "A site has no 'takt_seconds'"),
        ("kind,of,code,takt_seconds\nstation,a/1,c,four\n", 2, "a number of seconds"),
        ("kind,of,code,takt_seconds\nstation,a/1,c,nan\n", 2, "a number of seconds"),
        ("kind,of,code,active\ndefect_type,p,x,maybe\n", 2, "true or false"),
        ("kind,of,code,raises_after\ndefect_type,p,x,0\n", 2, "from 1 on"),
        ('kind,of,code,name\nsite,,a,"two\nlines"\nsite,,a,\n', 4, "stands in line 2 already"),
        ('kind,code\nsite,"a', 2, "This is no CSV"),
        (b"kind,code\nsite,\xff\n", 2, "not UTF-8"),
        (b"kind,code\nsite,a\0\n", 2, "NUL"),
        (b"kind,code\n" + b"x" * LARGEST, 1, "larger than 1 MB"),
        ("kind,code\n" + "\n".join(f"site,s{n}" for n in range(MOST + 1)), MOST + 2, "at most"),
    ],
)
def test_what_is_wrong_with_csv_is_told_with_its_line(text, line, said):
    at, told = sentence("c.csv", text)
    assert (at, said in told) == (line, True), told


def test_a_file_says_by_its_name_what_it_is():
    assert "Name the file .json or .csv" in sentence("catalogue.xlsx", b"PK")[1]


def test_a_text_that_a_spreadsheet_would_run_is_disarmed_on_its_way_out():
    text = to_csv([Row("site", "", "a", {"name": "=HYPERLINK(1)"})])
    assert ",'=HYPERLINK(1)," in text
