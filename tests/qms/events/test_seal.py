"""The audit trail: numbered, chained, and loud when somebody touched it."""

from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from django.utils import timezone

from qms import storage
from qms.events import catalogue, outbox, seal, witness
from qms.events.models import ChainHead, Event

REFUSED = (InternalError, ProgrammingError)


def publish(count: int) -> None:
    for n in range(count):
        outbox.publish(catalogue.HourStruck(hour=f"h{n}"), now=timezone.now(), actor=f"person {n}")


def tamper(sql: str, values: list[object]) -> None:
    """What somebody with the database's own password could do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM events_delivery")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE events_event ENABLE TRIGGER USER")


def faults() -> list[str]:
    return [fault.what for fault in seal.verify()]


def test_events_are_numbered_and_chained_in_their_order(db):
    publish(5)
    assert seal.seal() == 5
    publish(2)
    assert seal.seal() == 2
    rows = list(Event.objects.order_by("id"))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert all(after.previous == row.digest for row, after in pairwise(rows))
    assert faults() == []


@pytest.mark.parametrize(
    ("sql", "values", "what"),
    [
        ('UPDATE events_event SET payload = \'{"hour": "x"}\' WHERE number = 2', [], "content"),
        ("UPDATE events_event SET actor = 'nobody' WHERE number = 2", [], "content"),
        ("DELETE FROM events_event WHERE number = 2", [], "number 2 is missing"),
        ("DELETE FROM events_event WHERE number = 4", [], "the chain ends at 3"),
    ],
)
def test_verify_finds_what_was_changed_behind_the_triggers(transactional_db, sql, values, what):
    publish_committed(4)
    tamper(sql, values)
    assert any(what in fault for fault in faults())
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_events", stderr=StringIO())


def publish_committed(count: int) -> None:
    with transaction.atomic():
        publish(count)
    seal.seal()


def test_a_tail_cut_together_with_the_head_shows_against_the_witness(transactional_db):
    publish_committed(4)
    witness.leave(now=timezone.now())
    tamper("DELETE FROM events_event WHERE number = 4", [])
    third = Event.objects.get(number=3)
    ChainHead.objects.update(number=3, digest=third.digest)
    assert any("file store remembers" in fault for fault in faults())
    assert storage.names("seals")


def test_verify_events_says_that_the_trail_holds(db):
    publish(3)
    seal.seal()
    publish(1)
    out = StringIO()
    call_command("verify_events", stdout=out)
    assert "3 events sealed, 1 to be sealed" in out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(actor="somebody else"),
        lambda rows: rows.update(number=None),
        lambda rows: rows._raw_delete("default"),
    ],
)
def test_the_database_refuses_to_change_an_event(db, change):
    publish(1)
    seal.seal()
    with pytest.raises(REFUSED, match=r"never changed|Cannot delete"), transaction.atomic():
        change(Event.objects.all())


@pytest.mark.parametrize("table", ["events_event", "events_event_default", "inspections_verdict"])
def test_the_database_refuses_to_empty_a_table_of_facts(db, table):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL andon.maintenance = 'off'")
        with pytest.raises(REFUSED, match="never emptied"), transaction.atomic():
            cursor.execute(f'TRUNCATE "{table}" CASCADE')
