"""What the line board tells of each station, read in a fixed number of queries.

The hour is the last sixty minutes by our own clock; a part's first attempt is the first picture of
it at that station. Only what was routed counts as answered: between the model's word and its
routing nobody knows yet whether a person is to look blind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Aggregate,
    Count,
    DateTimeField,
    Exists,
    F,
    FloatField,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce, Extract

from qms.inspections.models import Inspection, Status
from qms.partitions import first_key
from qms.plant.models import Station
from qms.registry.models import ModelVersion
from qms.registry.models import Status as ModelStatus
from qms.review.models import Kind, Review
from qms.review.models import Status as ReviewStatus

HOUR = timedelta(hours=1)
BUCKET = timedelta(minutes=5)
LATEST = 12  # pictures of a station: enough for its last answer and a run of bad parts
ROUTED = (Status.IN_REVIEW, Status.SETTLED)
_UNDECIDED = Q(status=ReviewStatus.OPEN) | Q(status=ReviewStatus.CLAIMED)


@dataclass(frozen=True)
class Attempts:
    """First attempts that arrived in the same five minutes and got the same answer."""

    bucket: datetime
    evaluation: str
    blind: bool  # somebody has yet to look at them blind
    n: int


@dataclass(frozen=True)
class Pace:
    """``skew``: by how many seconds the camera's clock is behind ours, as a median."""

    parts: int = 0
    skew: float | None = None


@dataclass(frozen=True)
class Queue:
    n: int = 0
    since: datetime | None = None  # of the oldest


@dataclass(frozen=True, kw_only=True)
class Reading:
    """All that was read of one station, or of the pictures that named none."""

    station: Station | None
    latest: Sequence[Inspection]  # newest first; ``blind`` as in Attempts
    attempts: Sequence[Attempts] = field(default=())
    pace: Pace = Pace()
    verdicts: Queue = Queue()
    reviews: Queue = Queue()
    model: ModelVersion | None = None


class _Median(Aggregate):
    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def read(*, now: datetime) -> list[Reading]:
    """One for each station, in the order of the plant, and one more if pictures named none."""
    hour = Inspection.objects.filter(id__gte=first_key(now - HOUR), received_at__gt=now - HOUR)
    places = _places(hour)
    ids = [pk for _, latest in places for pk in latest]
    pictures = _pictures(ids)
    models = _models({picture.product_id for picture in pictures.values()})
    attempts, paces, verdicts, reviews = _attempts(hour), _paces(hour), _verdicts(), _reviews()
    found = []
    for station, keys in places:
        latest = [pictures[key] for key in keys if key in pictures]
        place = station.pk if station else None
        reading = Reading(
            station=station,
            latest=latest,
            attempts=attempts.get(place, ()),
            pace=paces.get(place, Pace()),
            verdicts=verdicts.get(place, Queue()),
            reviews=reviews.get(place, Queue()),
            model=models.get(latest[0].product_id) if latest else None,
        )
        found.append(reading)
    return found


def _places(hour: QuerySet[Inspection]) -> list[tuple[Station | None, list[UUID]]]:
    """Where pictures come from, with the keys of the latest; from nowhere only of the hour."""
    newest = Inspection.objects.filter(station=OuterRef("pk")).order_by("-id").values("pk")
    stations = (
        Station.objects.select_related("line__site")
        .annotate(latest=ArraySubquery(newest[:LATEST]))
        .order_by()
    )
    places: list[tuple[Station | None, list[UUID]]] = [
        (one, one.latest) for one in sorted(stations, key=_as_people_count)
    ]
    unplaced = hour.filter(station=None).order_by("-id").values_list("pk", flat=True)
    if keys := list(unplaced[:LATEST]):
        places.append((None, keys))
    return places


def _as_people_count(station: Station) -> list[tuple[str, int]]:
    """By site, line and code; cam-2 before cam-10."""
    row = station.line
    pieces = re.findall(r"(\D*)(\d*)", f"{row.site.code}\0{row.code}\0{station.code}")
    return [(words, int(number or 0)) for words, number in pieces]


def _blind(inspection: str) -> Exists:
    return Exists(Review.objects.filter(_UNDECIDED, inspection=OuterRef(inspection), blind=True))


def _pictures(ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    rows = Inspection.objects.filter(pk__in=ids).select_related("product", "part")
    return {row.pk: row for row in rows.annotate(blind=_blind("pk"))}


def _models(products: set[int]) -> dict[int, ModelVersion]:
    rows = ModelVersion.objects.filter(status=ModelStatus.ACTIVE, product__in=products)
    return {row.product_id: row for row in rows}


def _attempts(hour: QuerySet[Inspection]) -> dict[int | None, list[Attempts]]:
    """First attempts that have an answer, by station, five minutes and answer."""
    here = Coalesce(F("station"), 0)
    before = Inspection.objects.annotate(here=here).filter(
        part=OuterRef("part"), here=OuterRef("here"), id__lt=OuterRef("id")
    )
    rows = (
        hour.annotate(here=here, blind=_blind("pk"), bucket=_five_minutes())
        .filter(~Exists(before), status__in=ROUTED)
        .values("station", "bucket", "evaluation", "blind")
        .annotate(n=Count("pk"))
        .order_by()
    )
    found: dict[int | None, list[Attempts]] = {}
    for row in rows:
        one = Attempts(row["bucket"], row["evaluation"], row["blind"], row["n"])
        found.setdefault(row["station"], []).append(one)
    return found


def _five_minutes() -> Func:
    """The five minutes of the clock in which a picture arrived: they stand still as time goes by,
    so a sparkline does too."""
    origin = Value(datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
    return Func(
        Value(BUCKET),
        F("received_at"),
        origin,
        function="date_bin",
        output_field=DateTimeField(),
    )


def _paces(hour: QuerySet[Inspection]) -> dict[int | None, Pace]:
    """Different parts; a part without a serial is one of its own."""
    behind = Extract(F("received_at") - F("captured_at"), "epoch")
    rows = (
        hour.values("station")
        .annotate(
            known=Count("part", distinct=True),
            anonymous=Count("pk", filter=Q(part=None)),
            skew=_Median(behind, filter=~Q(captured_at=F("received_at"))),
        )
        .order_by()
    )
    return {row["station"]: Pace(row["known"] + row["anonymous"], row["skew"]) for row in rows}


def _verdicts() -> dict[int | None, Queue]:
    """Pictures that wait for the model."""
    return _queues(Inspection.objects.filter(status=Status.SUBMITTED), "received_at")


def _reviews() -> dict[int | None, Queue]:
    """Parts that wait for a person; the parts of a study hold up no line."""
    return _queues(Review.objects.filter(_UNDECIDED).exclude(kind=Kind.STUDY), "opened_at")


def _queues(rows: QuerySet[Any], since: str) -> dict[int | None, Queue]:
    found = rows.values("station").annotate(n=Count("pk"), since=Min(since)).order_by()
    return {row["station"]: Queue(row["n"], row["since"]) for row in found}
