"""Monthly slices by UUIDv7."""

from datetime import UTC, datetime
from uuid import uuid4

from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from qms import partitions
from qms.events.handlers import sliced_tables
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
    for table in sliced_tables():
        made = partitions.ensure_months(table, now=now)
        assert made == [
            f"{table}_{month}" for month in ("2061_11", "2061_12", "2062_01", "2062_02")
        ]
        assert partitions.ensure_months(table, now=now) == []
        assert partitions.strays(table) == 0
    assert len(sliced_tables()) == 4


def test_a_row_of_no_month_is_kept_and_counted(db):
    far = partitions.key_at(datetime(2085, 1, 1, tzinfo=UTC), uuid4())
    row = submission()
    row._state.adding, row.pk = True, far
    row.save(force_insert=True)
    assert partitions.strays("inspections_inspection") == 1
