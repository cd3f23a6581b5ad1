"""Tables in monthly slices, cut along the time that a UUIDv7 key carries in its first 48 bits.

One column is key, order and slice at once: a look-up by id touches one slice, foreign keys work,
and a month leaves the database by detaching a table. Rows that belong together (an inspection,
its verdicts and findings) take keys of one moment, so they lie in slices of the same month.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
import uuid_utils
from django.apps import apps
from django.db import DatabaseError, connection, migrations, transaction

log = structlog.get_logger(__name__)

_RANDOM_BITS = (1 << 74) - 1
_LATEST = (1 << 48) - 1  # milliseconds that a key can hold
_ONE_AT_A_TIME = 7_262_410  # the advisory lock of whoever makes slices

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
    return _assemble(_milliseconds(moment), noise)


def key_beside(key: UUID, *words: object) -> UUID:
    """The one key of these words at the moment of another key."""
    return key_at(moment_of(key), key, *words)


def moment_of(key: UUID) -> datetime:
    return datetime.fromtimestamp((key.int >> 80) / 1000, tz=UTC)


def first_key(moment: datetime) -> UUID:
    """The lowest key of this millisecond: the bound of a slice or of a time filter."""
    return UUID(int=_milliseconds(moment) << 80)


def last_key(moment: datetime) -> UUID:
    """The highest key of this millisecond."""
    return UUID(int=first_key(moment).int + (1 << 80) - 1)


def _milliseconds(moment: datetime) -> int:
    """As a key holds them: what lies before 1970 is the first moment of all."""
    return min(max(0, int(moment.timestamp() * 1000)), _LATEST)


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


def sliced_tables() -> list[str]:
    """The tables of all models whose key is a UUIDv7 that slices them."""
    models = apps.get_models()
    return [m._meta.db_table for m in models if getattr(m, "SLICED", False)]


def ensure_all(*, now: datetime) -> list[str]:
    """The slices of all tables for this month and the next ones; returns those made."""
    return [name for table in sliced_tables() for name in ensure_months(table, now=now)]


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
    """One slice; rows of its time that wait in the DEFAULT slice move into it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        first = _first_free(cursor, table, start, end)
        moved = first > start and _took_out(table, start, end)
        _attach(cursor, table, name, start if moved else first, end)
        if moved:
            _put_in(cursor, name)
        _guard(cursor, name)
    return True


def _attach(cursor: Any, table: str, name: str, start: UUID, end: UUID) -> None:
    cursor.execute(
        f'CREATE TABLE "{name}" PARTITION OF "{table}" FOR VALUES FROM (%s) TO (%s)',
        [str(start), str(end)],
    )


def _first_free(cursor: Any, table: str, start: UUID, end: UUID) -> UUID:
    """The first key of this time after all rows in the DEFAULT slice, which nobody writes now."""
    for locked in (table, f"{table}_default"):  # in the order in which writers take them
        cursor.execute(f'LOCK TABLE ONLY "{locked}" IN ACCESS EXCLUSIVE MODE')
    cursor.execute(
        f'SELECT id FROM "{table}_default" WHERE id >= %s AND id < %s '  # noqa: S608
        "ORDER BY id DESC LIMIT 1",
        [start, end],
    )
    found = cursor.fetchone()
    return UUID(int=UUID(str(found[0])).int + 1) if found else start


def _took_out(table: str, start: UUID, end: UUID) -> bool:
    """Take the strays of this time out of the DEFAULT slice, into a table for the time being.

    The rows stay as they are, so no trigger has a say in it. False where the database's owner may
    not put triggers aside: then the strays stay, and the slice begins behind them.
    """
    strays = f'FROM "{table}_default" WHERE id >= %s AND id < %s'
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                f"CREATE TEMP TABLE andon_moved ON COMMIT DROP AS SELECT * {strays}", [start, end]
            )
            cursor.execute(f"DELETE {strays}", [start, end])
    except DatabaseError as error:
        log.warning("strays stay in the default slice", table=table, error=str(error).strip())
        return False
    return True


def _put_in(cursor: Any, name: str) -> None:
    """Put into their slice what was taken out; from here on all triggers are at work again."""
    cursor.execute(f'INSERT INTO "{name}" SELECT * FROM andon_moved')  # noqa: S608 - our own name
    cursor.execute("DROP TABLE andon_moved")
    cursor.execute("SET LOCAL session_replication_role = origin")


def _guard(cursor: Any, table: str) -> None:
    cursor.execute(
        f'CREATE TRIGGER never_emptied BEFORE TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION andon_never_emptied()"
    )


def _month(now: datetime, offset: int) -> datetime:
    month = now.year * 12 + now.month - 1 + offset
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
