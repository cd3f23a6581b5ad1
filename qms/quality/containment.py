"""Which parts are in doubt: looked up anew at each look, frozen when they are contained."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from qms.inspections.models import Evaluation, Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.quality.models import Contained, Kind, Nonconformance, Occurrence, Scope, Standing

_AT_ONCE = 5000


def in_doubt(nonconformance: Nonconformance) -> QuerySet[Inspection]:
    """Everything of the part, of the lot, or of the station since the last good one; oldest first."""
    rows = Inspection.objects.order_by("pk")
    if nonconformance.scope == Scope.LOT:
        return rows.filter(lot=nonconformance.lot_id)
    if nonconformance.scope == Scope.PART:
        return rows.filter(pk__in=[nonconformance.inspection_id])
    rows = rows.filter(station=nonconformance.station_id, product=nonconformance.product_id)
    good = last_good(nonconformance)
    return rows.filter(pk__gt=good.pk) if good else rows


def last_good(nonconformance: Nonconformance) -> Inspection | None:
    """The last part settled as OK at this station before the first bad one."""
    settled = Inspection.objects.filter(
        station=nonconformance.station_id,
        product=nonconformance.product_id,
        status=InspectionStatus.SETTLED,
        evaluation=Evaluation.OK,
    )
    bad = first_bad(nonconformance)
    return settled.filter(pk__lt=bad).order_by("-pk").first() if bad else None


def first_bad(nonconformance: Nonconformance) -> UUID | None:
    standing = _standing(nonconformance).order_by("inspection_id")
    first = standing.values_list("inspection_id", flat=True).first()
    return first or nonconformance.inspection_id


def _standing(nonconformance: Nonconformance) -> QuerySet[Occurrence]:
    return nonconformance.occurrences.filter(status=Standing.STANDS)


def not_listed(nonconformance: Nonconformance) -> QuerySet[Inspection]:
    """What is in doubt and not on the frozen list."""
    listed = Contained.objects.filter(nonconformance=nonconformance, inspection=OuterRef("pk"))
    return in_doubt(nonconformance).exclude(Exists(listed))


def freeze(nonconformance: Nonconformance, rows: QuerySet[Inspection], *, now: datetime) -> int:
    """Put them on the list as they are now, in one statement. Returns how many."""
    last = nonconformance.lines.aggregate(last=Max("number"))["last"] or 0
    chosen, values = rows.values("pk", "evaluation").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            _FREEZE.format(lines=Contained._meta.db_table, chosen=chosen),
            [nonconformance.pk, last, now, *values],
        )
        return int(cursor.rowcount)


_FREEZE = """
    INSERT INTO {lines} (nonconformance_id, inspection_id, number, evaluation, added_at)
    SELECT %s, part, %s + row_number() OVER (ORDER BY part), evaluation, %s
      FROM ({chosen}) AS chosen (part, evaluation)
"""


def digest_of(lines: Iterable[tuple[int, UUID]]) -> str:
    """SHA-256 that names these lines: their numbers, in order, and the inspection on each."""
    read = hashlib.sha256()
    for number, part in lines:
        read.update(f"{number} {part}\n".encode())
    return read.hexdigest()


def named(lines: QuerySet[Contained]) -> str:
    rows = lines.order_by("number").values_list("number", "inspection_id")
    return digest_of(rows.iterator(chunk_size=_AT_ONCE))


def undecided(nonconformance: Nonconformance) -> QuerySet[Contained]:
    """Lines of which nobody has said for good what is done with them: to keep is no end."""
    return nonconformance.lines.filter(Q(disposition=None) | Q(disposition__kind=Kind.HOLD))
