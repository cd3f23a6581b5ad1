"""Tables in monthly slices, cut along the time that a UUIDv7 key carries in its first 48 bits.

One column is key, order and slice at once: a look-up by id touches one slice, foreign keys work,
and a month leaves the database by detaching a table. Rows that belong together (an inspection,
its verdicts and findings) take keys of one moment, so they lie in slices of the same month.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils
from django.db import connection, migrations

_RANDOM_BITS = (1 << 74) - 1

# Retention and test runs say "SET andon.maintenance = on" first; an accident does not.
_NEVER_EMPTIED = """
CREATE OR REPLACE FUNCTION andon_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('andon.maintenance', true) = 'on' THEN RETURN NULL; END IF;
    RAISE EXCEPTION 'andon: % is never emptied', TG_TABLE_NAME;
END $$
"""


def new_key() -> UUID:
    """A fresh UUIDv7: time-ordered, 74 random bits."""
    return UUID(int=uuid_utils.uuid7().int)


def key_at(moment: datetime, *words: object) -> UUID:
    """The one UUIDv7 of these words at this moment (milliseconds count).

    Its random bits are a hash of the words, so the primary key of a sliced table can hold a rule
    such as "one verdict per model": PostgreSQL allows no other unique index across slices.
    """
    digest = hashlib.sha256("|".join(map(str, words)).encode()).digest()
    noise = int.from_bytes(digest, "big") & _RANDOM_BITS
    return _assemble(int(moment.timestamp() * 1000), noise)


def key_beside(key: UUID, *words: object) -> UUID:
    """The one key of these words at the moment of another key."""
    return key_at(moment_of(key), key, *words)


def moment_of(key: UUID) -> datetime:
    return datetime.fromtimestamp((key.int >> 80) / 1000, tz=UTC)


def first_key(moment: datetime) -> UUID:
    """The lowest key of this millisecond: the bound of a slice or of a time filter."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def last_key(moment: datetime) -> UUID:
    """The highest key of this millisecond."""
    return UUID(int=first_key(moment).int + (1 << 80) - 1)


def _assemble(milliseconds: int, noise: int) -> UUID:
    upper, lower = noise >> 62, noise & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | upper << 64 | 0b10 << 62 | lower)


class CreateSlicedModel(migrations.CreateModel):
    """CreateModel, but PARTITION BY RANGE (id), guarded, with its first slices."""

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f'{plain} PARTITION BY RANGE ("id")'
        try:
            super().database_forwards(app_label, schema_editor, *states)
        finally:
            schema_editor.sql_create_table = plain
        table = states[-1].apps.get_model(app_label, self.name)._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(_NEVER_EMPTIED)
            _guard(cursor, table)
            cursor.execute(f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT')
            _guard(cursor, f"{table}_default")
        ensure_months(table, now=datetime.now(UTC))


def ensure_months(table: str, *, now: datetime, ahead: int = 3) -> list[str]:
    """Make the slices of this month and the next ones; returns the names of those made."""
    made = []
    for offset in range(ahead + 1):
        start, end = _month(now, offset), _month(now, offset + 1)
        name = f"{table}_{start:%Y_%m}"
        if _make_slice(table, name, first_key(start), first_key(end)):
            made.append(name)
    return made


def strays(table: str) -> int:
    """Rows in the DEFAULT slice: more than none means that no slice was made for their month."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}_default"')  # noqa: S608 - our own name
        return int(cursor.fetchone()[0])


def _make_slice(table: str, name: str, start: UUID, end: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        cursor.execute(
            f'CREATE TABLE "{name}" PARTITION OF "{table}" FOR VALUES FROM (%s) TO (%s)',
            [str(start), str(end)],
        )
        _guard(cursor, name)
    return True


def _guard(cursor: Any, table: str) -> None:
    cursor.execute(
        f'CREATE TRIGGER never_emptied BEFORE TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION andon_never_emptied()"
    )


def _month(now: datetime, offset: int) -> datetime:
    month = now.year * 12 + now.month - 1 + offset
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
