"""When a nonconformance opens by itself, and what stands against closing one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.quality.rules import SHIFT, against_closing, in_one_shift, is_overdue, raised_after

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTES = st.lists(st.integers(-1500, 1500), max_size=12)


@pytest.mark.parametrize(
    ("number", "severity", "after"),
    [(None, "CRITICAL", 1), (3, "CRITICAL", 3), (None, "MAJOR", None), (2, "MINOR", 2)],
)
def test_a_critical_type_without_a_number_means_one(number, severity, after):
    assert raised_after(number, severity) == after


@given(minutes=MINUTES)
def test_the_most_of_a_shift_are_found_whatever_their_order(minutes):
    moments = [NOON + timedelta(minutes=m) for m in [0, *minutes]]
    found = in_one_shift([(moment, moment) for moment in moments], NOON)
    starts = [start for start in moments if NOON - SHIFT < start <= NOON]
    counts = [sum(start <= m < start + SHIFT for m in moments) for start in starts]
    assert len(found) == max(counts)
    assert found == sorted(found)
    assert NOON in found
    assert max(found) - min(found) < SHIFT
    assert in_one_shift([(m, m) for m in reversed(moments)], NOON) == found


def test_eight_hours_apart_is_another_shift():
    apart = [(NOON, "a"), (NOON + SHIFT, "b")]
    assert in_one_shift(apart, NOON) == ["a"]
    assert in_one_shift([*apart, (NOON + timedelta(hours=7), "c")], NOON) == ["a", "c"]


TODAY = date(2026, 3, 2)
SOON, LATE = date(2026, 3, 3), date(2026, 3, 1)


@pytest.mark.parametrize(
    ("status", "due", "check_due", "overdue"),
    [
        ("AGREED", LATE, None, True),
        ("AGREED", TODAY, None, False),
        ("DONE", LATE, LATE, True),
        ("DONE", LATE, SOON, False),
        ("DONE", LATE, None, False),
        ("EFFECTIVE", LATE, LATE, False),
        ("CANCELLED", LATE, LATE, False),
    ],
)
def test_overdue_is_what_was_not_done_or_not_checked_by_its_day(status, due, check_due, overdue):
    assert is_overdue(status, due=due, check_due=check_due, today=TODAY) is overdue


CLOSABLE = {
    "severity": "MAJOR",
    "undecided": 0,
    "root_cause": "worn tool",
    "actions": [("EFFECTIVE", SOON)],
}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({}, None),
        ({"undecided": 1}, "1 part has no final disposition"),
        ({"undecided": 2}, "2 parts have no final disposition"),
        ({"root_cause": "  "}, "root cause"),
        ({"root_cause": "", "severity": "MINOR"}, None),
        ({"actions": []}, "no corrective action"),
        ({"actions": [], "severity": "MINOR"}, None),
        ({"actions": [("CANCELLED", SOON)]}, "no corrective action"),
        ({"actions": [("AGREED", None)]}, "1 of the corrective actions is not finished"),
        ({"actions": [("DONE", SOON)]}, "not finished and checked"),
        ({"actions": [("DONE", None)]}, None),
        ({"actions": [("NOT_EFFECTIVE", SOON)]}, "did not help"),
        ({"actions": [("NOT_EFFECTIVE", SOON), ("EFFECTIVE", SOON)]}, None),
    ],
)
def test_what_is_missing_is_said(words, says):
    said = " ".join(against_closing(**{**CLOSABLE, **words}))
    assert (says in said) if says else said == ""
