"""Monthly slices by UUIDv7."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from hypothesis import given
from hypothesis import strategies as st

from qms import partitions
from qms.events import catalogue, outbox
from qms.events.models import Delivery, Event
from tests.factories import submission

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.text(), st.text())
def test_a_key_of_words_is_one_uuid7_of_that_moment(moment, one, other):
    key = partitions.key_at(moment, one)
    assert key == partitions.key_at(moment, one)
    assert (key.version, key.variant) == (7, "specified in RFC 4122")
    assert abs((partitions.moment_of(key) - moment).total_seconds()) < 0.002
    assert (key == partitions.key_at(moment, other)) == (one == other)
    assert partitions.first_key(moment) <= key


@given(MOMENTS, MOMENTS)
def test_keys_are_in_the_order_of_their_moments(one, other):
    if abs((one - other).total_seconds()) > 0.002:
        keys = partitions.key_at(one, "x"), partitions.key_at(other, "x")
        assert (keys[0] < keys[1]) == (one < other)


def test_fresh_keys_rise():
    keys = [partitions.new_key() for _ in range(1000)]
    assert keys == sorted(set(keys))


def test_a_row_lies_in_the_slice_of_its_month(db):
    inspection = submission()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM inspections_inspection WHERE id = %s",
            [inspection.pk],
        )
        (name,) = cursor.fetchone()
    assert name == f"inspections_inspection_{inspection.received_at:%Y_%m}"


def test_months_are_made_ahead_once(db):
    now = datetime(2061, 11, 5, tzinfo=UTC)
    for table in partitions.sliced_tables():
        made = partitions.ensure_months(table, now=now)
        assert made == [
            f"{table}_{month}" for month in ("2061_11", "2061_12", "2062_01", "2062_02")
        ]
        assert partitions.ensure_months(table, now=now) == []
        assert partitions.strays(table) == 0
    assert len(partitions.sliced_tables()) == 4


def stray(moment: datetime) -> UUID:
    """An event, with a delivery, in a month that has no slice."""
    key = partitions.key_at(moment, uuid4())
    outbox.publish(catalogue.HourStruck(hour="late"), now=moment, key=key)
    return key


def slice_of(key: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM events_event WHERE id = %s", [key])
        return str(cursor.fetchone()[0])


LATE = datetime(2085, 1, 7, tzinfo=UTC)


def test_a_row_of_no_month_is_kept_and_counted(db):
    key = stray(LATE)
    assert slice_of(key) == "events_event_default"
    assert partitions.strays("events_event") == 1


def test_a_late_slice_takes_in_the_rows_that_waited_for_it(db):
    keys = [stray(LATE), stray(LATE + timedelta(days=3)), stray(LATE + timedelta(days=40))]
    made = partitions.ensure_months("events_event", now=LATE)
    assert made[:2] == ["events_event_2085_01", "events_event_2085_02"]
    assert [slice_of(key) for key in keys] == [made[0], made[0], made[1]]
    assert partitions.strays("events_event") == 0
    assert Delivery.objects.filter(event_id__in=keys).count() > 3


def test_triggers_are_at_work_again_after_rows_were_moved(db):
    key = stray(LATE)
    partitions.ensure_months("events_event", now=LATE)
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
        Event.objects.filter(pk=key).update(actor="x")


def test_where_triggers_may_not_be_put_aside_the_slice_begins_behind_the_strays(db):
    """The database's owner need not be its superuser."""
    old = stray(LATE)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE plain_owner; GRANT ALL ON SCHEMA public TO plain_owner")
        cursor.execute("ALTER TABLE events_event OWNER TO plain_owner")
        cursor.execute("ALTER TABLE events_event_default OWNER TO plain_owner")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_owner")
        cursor.execute("SET LOCAL ROLE plain_owner")
        partitions.ensure_months("events_event", now=LATE, ahead=0)
        cursor.execute("RESET ROLE")
    new = stray(LATE + timedelta(days=1))
    assert [slice_of(key) for key in (old, new)] == ["events_event_default", "events_event_2085_01"]


@pytest.mark.parametrize("year", [1, 1950, 1969, 9999])
def test_no_moment_is_too_far_for_a_bound(year):
    moment = datetime(year, 6, 1, tzinfo=UTC)
    assert UUID(int=0) <= partitions.first_key(moment) < partitions.last_key(moment)
