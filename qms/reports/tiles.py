"""The tiles of the line board, made of what was read. Pure: no database, no clock.

A tile holds facts only, no ages, so it is the same tile until something happens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import takewhile
from uuid import UUID

from qms.inspections.models import Evaluation, Inspection, Status
from qms.plant.models import Station, StationStatus
from qms.reports.line import BUCKET, HOUR, ROUTED, Attempts, Reading
from qms.reports.rates import Estimate, first_pass_yield

LATE_TAKTS, LATE_WITHOUT_TAKT = 5, timedelta(minutes=5)
SKEW_ALLOWED = 5.0  # seconds
RUN = 3  # bad parts in a row that are worth a word
HIDDEN = "HIDDEN"  # the answer is kept from who may be given the blind look


@dataclass(frozen=True)
class Picture:
    """``answer`` is an evaluation, HIDDEN, or the state of a picture that has no answer."""

    pk: UUID
    product: str
    serial: str
    received_at: datetime
    answer: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    key: str
    code: str
    name: str
    site: str
    line: str
    status: str
    picture: Picture | None
    fpy: Estimate
    buckets: tuple[float | None, ...]  # the yield of each five minutes; None: nothing came
    parts: int
    allowed: int | None  # parts an hour, by takt
    waiting: int
    waiting_since: datetime | None
    reviews: int
    reviews_since: datetime | None
    model: int | None
    late: bool
    skew: int | None  # seconds, where they are too many
    run: int  # parts in a row that are not OK, where they are too many

    @property
    def version(self) -> str:
        """Another one as soon as anything on the tile is."""
        return blake2b(repr(self).encode(), digest_size=6).hexdigest()

    def lies_in(self, site: str, line: str) -> bool:
        """Empty: anywhere. A picture without a station lies nowhere in particular."""
        return site in ("", self.site) and line in ("", self.line)


def tiles_of(readings: Iterable[Reading], *, now: datetime, reviewer: bool) -> list[Tile]:
    """For people who may be given blind looks, what waits for one has no answer yet."""
    return [_tile(reading, now, reviewer) for reading in readings]


def _tile(reading: Reading, now: datetime, reviewer: bool) -> Tile:
    station, told = reading.station, _told(reading.attempts, reviewer)
    hour = first_pass_yield(_ok(told), sum(one.n for one in told))
    return Tile(
        key=str(station.pk) if station else "none",
        code=station.code if station else "No station",
        name=station.name if station else "",
        site=station.line.site.code if station else "",
        line=station.line.code if station else "",
        status=station.status if station else "",
        picture=_picture(reading.latest, reviewer),
        fpy=hour,
        buckets=_buckets(told, now),
        parts=reading.pace.parts,
        allowed=_allowed(station),
        waiting=reading.verdicts.n,
        waiting_since=reading.verdicts.since,
        reviews=reading.reviews.n,
        reviews_since=reading.reviews.since,
        model=reading.model.number if reading.model else None,
        late=_is_late(reading, now),
        skew=_too_skew(reading.pace.skew),
        run=_bad_run(reading.latest, reviewer),
    )


def _told(attempts: Iterable[Attempts], reviewer: bool) -> list[Attempts]:
    return [one for one in attempts if not (reviewer and one.blind)]


def _ok(attempts: Iterable[Attempts]) -> int:
    return sum(one.n for one in attempts if one.evaluation == Evaluation.OK)


def _buckets(attempts: Sequence[Attempts], now: datetime) -> tuple[float | None, ...]:
    """The five minutes of the clock that are running now, and the eleven before them."""
    latest = now.timestamp() // BUCKET.total_seconds()
    row: list[list[Attempts]] = [[] for _ in range(HOUR // BUCKET)]
    for one in attempts:
        back = int(latest - one.bucket.timestamp() // BUCKET.total_seconds())
        if 0 <= back < len(row):
            row[-1 - back].append(one)
    return tuple(first_pass_yield(_ok(few), sum(one.n for one in few)).value for few in row)


def _allowed(station: Station | None) -> int | None:
    takt = station.takt_seconds if station else None
    return int(HOUR.total_seconds() / takt) if takt else None


def _picture(latest: Sequence[Inspection], reviewer: bool) -> Picture | None:
    """The newest with an answer: on a running line the one after it is always still waiting."""
    answered = (one for one in latest if one.status in (*ROUTED, Status.FAILED))
    shown = next(answered, latest[0] if latest else None)
    if shown is None:
        return None
    return Picture(
        shown.pk, shown.product.code, shown.serial, shown.received_at, _answer(shown, reviewer)
    )


def _answer(one: Inspection, reviewer: bool) -> str:
    if one.status not in ROUTED:
        return Status.FAILED if one.status == Status.FAILED else Status.SUBMITTED
    return HIDDEN if _is_hidden(one, reviewer) else one.evaluation


def _is_hidden(one: Inspection, reviewer: bool) -> bool:
    return reviewer and bool(getattr(one, "blind", False))


def _is_late(reading: Reading, now: datetime) -> bool:
    """A running station whose next picture is overdue; one that never sent any is not late."""
    station = reading.station
    if station is None or station.status != StationStatus.RUNNING or not reading.latest:
        return False
    takt = timedelta(seconds=station.takt_seconds) if station.takt_seconds else None
    allowed = takt * LATE_TAKTS if takt else LATE_WITHOUT_TAKT
    return now - reading.latest[0].received_at > allowed


def _too_skew(seconds: float | None) -> int | None:
    return round(seconds) if seconds is not None and abs(seconds) > SKEW_ALLOWED else None


def _bad_run(latest: Iterable[Inspection], reviewer: bool) -> int:
    answers = (one for one in latest if one.status in ROUTED and not _is_hidden(one, reviewer))
    run = sum(1 for _ in takewhile(lambda one: one.evaluation == Evaluation.NOT_OK, answers))
    return run if run >= RUN else 0
