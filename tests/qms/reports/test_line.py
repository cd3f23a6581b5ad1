"""The numbers of the line board against parts that are known."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.plant.models import Line, Part, Site, Station
from qms.reports import line
from qms.reports.tiles import HIDDEN, Tile, tiles_of
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories
from tests.factories import DEFECT, NORMAL, UNCLEAR

Send = Callable[..., Inspection]


@pytest.fixture
def now(db) -> datetime:
    return timezone.now()


@pytest.fixture
def cam(db) -> Station:
    return plant.ensure_station("cam-1")


@pytest.fixture
def send(cam, now, deliver_all) -> Send:
    """A picture from the station, so many minutes ago, that went all the way."""
    seeds = iter(range(1000))

    def sent(brightness: int = NORMAL, *, ago: float = 1, **words: Any) -> Inspection:
        words.setdefault("station", cam)
        at = now - timedelta(minutes=ago)
        inspection = factories.submission(brightness=brightness, now=at, seed=next(seeds), **words)
        deliver_all()
        return inspection

    return sent


def tiles(now: datetime, *, reviewer: bool = False) -> list[Tile]:
    return tiles_of(line.read(now=now), now=now, reviewer=reviewer)


def tile(now: datetime, *, reviewer: bool = False) -> Tile:
    (only,) = tiles(now, reviewer=reviewer)
    return only


# --- first pass yield ---


def test_a_part_that_is_looked_at_again_counts_as_it_was_at_first(send, now):
    send(DEFECT, ago=9, serial="A")
    send(NORMAL, ago=5, serial="A")
    send(NORMAL, ago=4, serial="B")
    assert (tile(now).fpy.value, tile(now).fpy.n) == (0.5, 2)


def test_a_first_attempt_before_the_hour_still_was_the_first(send, now):
    send(DEFECT, ago=75, serial="A")
    send(NORMAL, ago=5, serial="A")
    assert (tile(now).fpy.value, tile(now).fpy.n) == (None, 0)
    assert tile(now).parts == 1


def test_a_part_has_a_first_attempt_at_each_station(send, now):
    send(NORMAL, ago=9, serial="A")
    send(NORMAL, ago=5, serial="A", station=plant.ensure_station("cam-2"))
    assert [one.fpy.n for one in tiles(now)] == [1, 1]


def test_anonymous_parts_count_each_once(send, now):
    for ago, brightness in ((9, NORMAL), (8, NORMAL), (7, NORMAL), (6, DEFECT)):
        send(brightness, ago=ago)
    assert (tile(now).fpy.value, tile(now).fpy.n, tile(now).parts) == (0.75, 4, 4)


def test_a_part_that_the_model_cannot_decide_did_not_pass(send, now):
    send(UNCLEAR)
    send(NORMAL)
    assert tile(now).fpy.value == 0.5


def test_a_person_who_calls_it_false_gives_the_part_back_to_the_yield(send, now):
    inspection = send(DEFECT)
    review = Review.objects.get(inspection=inspection)
    ines = factories.person()
    reviews.claim(review, by=ines, now=now)
    assert tile(now).fpy.value == 0.0
    reviews.decide(review, decision="OK", by=ines, now=now)
    assert tile(now).fpy.value == 1.0


def test_what_has_no_answer_yet_is_no_part_of_the_yield(send, now, cam):
    send(NORMAL)
    factories.submission(station=cam, now=now)
    assert (tile(now).fpy.n, tile(now).parts) == (1, 2)


def test_five_minutes_in_which_nothing_came_are_a_gap(send, now):
    five = line.BUCKET.total_seconds()
    begun = now.timestamp() % five / 60  # minutes since the present five began
    send(NORMAL, ago=begun / 2)
    send(DEFECT, ago=begun + 11)
    assert tile(now).buckets == (None,) * 8 + (0.0, None, None, 1.0)


def test_the_sparkline_stands_still_while_its_five_minutes_last(send, now):
    send(NORMAL, ago=20)
    begun = now - timedelta(seconds=now.timestamp() % line.BUCKET.total_seconds())
    shown = {tile(begun + timedelta(seconds=after)).buckets for after in (0, 100, 299)}
    assert len(shown) == 1


# --- pace, queues, clocks ---


def test_the_pace_counts_each_part_once_and_stands_beside_the_takt(send, now, cam):
    Station.objects.filter(pk=cam.pk).update(takt_seconds=60)
    for ago in (3, 2, 1):
        send(serial="A", ago=ago)
    send(serial="OLD", ago=61)
    assert (tile(now).parts, tile(now).allowed) == (1, 60)


def test_what_waits_tells_since_when(send, now, cam):
    flagged = send(DEFECT, ago=30)
    waiting = factories.submission(station=cam, now=now - timedelta(minutes=4))
    one = tile(now)
    assert (one.waiting, one.waiting_since) == (1, waiting.received_at)
    assert (one.reviews, one.reviews_since) == (1, Review.objects.get().opened_at)
    assert one.picture.pk == flagged.pk


def test_a_picture_that_waits_is_shown_where_there_is_no_other(now, cam):
    waiting = factories.submission(station=cam, now=now)
    assert (tile(now).picture.pk, tile(now).picture.answer) == (waiting.pk, "SUBMITTED")


@pytest.mark.parametrize(("takt", "seconds", "late"), [(10, 49, 0), (10, 51, 1), (None, 60, 0)])
def test_a_running_station_is_late_after_five_takts(send, now, cam, takt, seconds, late):
    send(ago=seconds / 60)
    Station.objects.filter(pk=cam.pk).update(takt_seconds=takt)
    assert tile(now).late is bool(late)


def test_without_a_takt_five_minutes_are_late_unless_the_station_is_paused(send, now, cam):
    send(ago=5.1)
    assert tile(now).late
    plant.move_station(cam, "PAUSED", by="ada", now=now)
    assert not tile(now).late


def test_a_station_that_never_sent_anything_is_not_late(now, cam):
    assert (tile(now).late, tile(now).picture) == (False, None)


@pytest.mark.parametrize(("off", "shown"), [(4, None), (42, 42), (-30, -30)])
def test_the_camera_clock_is_off_beyond_five_seconds_by_median(send, now, off, shown):
    for ago, error in ((4, off), (3, off), (2, 3600)):
        at = now - timedelta(minutes=ago)
        send(ago=ago, captured_at=at - timedelta(seconds=error))
    send(ago=1)  # names no time of its own, so says nothing of a clock
    assert tile(now).skew == shown


def test_three_bad_parts_in_a_row_are_a_run_and_a_good_one_ends_it(send, now):
    send(NORMAL, ago=9)
    for ago in (8, 7):
        send(DEFECT, ago=ago)
    assert tile(now).run == 0
    send(DEFECT, ago=6)
    assert tile(now).run == 3
    send(NORMAL, ago=5)
    assert tile(now).run == 0


def test_pictures_without_a_station_have_a_tile_for_an_hour(send, now):
    send(station=None, ago=10)
    assert [one.code for one in tiles(now)] == ["cam-1", "No station"]
    assert tiles(now)[1].fpy.n == 1
    assert [one.code for one in tiles(now + timedelta(minutes=51))] == ["cam-1"]


def test_a_tile_changes_its_version_only_when_something_happens(send, now):
    send()
    before = tile(now).version
    assert tile(now + timedelta(seconds=1)).version == before
    send(ago=0)
    assert tile(now).version != before


# --- who looks blind ---


@pytest.fixture
def audit_all(cam) -> None:
    plant.publish_recipe(
        factories.product(), by=None, now=timezone.now(), reason="audit all", audit_share=1.0
    )


@pytest.mark.parametrize("brightness", [NORMAL, DEFECT])
def test_a_reviewer_learns_nothing_of_a_part_that_waits_for_a_blind_look(
    audit_all, send, now, brightness
):
    for ago in (3, 2, 1):
        send(brightness, ago=ago)
    one = tile(now, reviewer=True)
    assert (one.picture.answer, one.fpy.value, one.run) == (HIDDEN, None, 0)
    assert set(one.buckets) == {None}
    assert tile(now).fpy.n == 3
    assert tile(now).picture.answer in ("OK", "NOT_OK")


def test_before_it_is_routed_nobody_learns_the_models_word(now, cam, send):
    """Whether a person is to look blind is not known yet."""
    shown = send(NORMAL, ago=2)
    Inspection.objects.filter(pk=shown.pk).update(status="JUDGED", settled_at=None)
    assert (tile(now).picture.answer, tile(now).fpy.n) == ("SUBMITTED", 0)


# --- as quick with many ---

STATIONS, ROWS = 20, 100_000

MANY = """
INSERT INTO inspections_inspection (
    id, product_id, station_id, part_id, external_id, source, is_simulated, status, evaluation,
    picture_key, picture_sha256, picture_name, width, height, captured_at, received_at, settled_at,
    error
)
SELECT (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000'
        || lpad(to_hex(n), 12, '0'))::uuid,
       %(product)s, %(station)s + n %% %(stations)s,
       CASE WHEN n %% 3 = 0 THEN %(part)s + n / 3 %% (%(rows)s / 6) END,
       '', 'api', false, 'SETTLED', CASE WHEN n %% 7 = 0 THEN 'NOT_OK' ELSE 'OK' END,
       'x', 'x', '', 1, 1, at, at, at, ''
FROM generate_series(1, %(rows)s) n,
     LATERAL (SELECT %(now)s - interval '10 hours' * (%(rows)s - n) / %(rows)s AS at)
"""


@pytest.fixture
def many(db, now) -> None:
    """A hundred thousand pictures of ten hours, every third with a serial that comes twice."""
    tile = factories.product()
    factories.model(tile)
    row = Line.objects.create(site=Site.objects.create(code="main"), code="1")
    places = [Station.objects.create(line=row, code=f"cam-{n:02}") for n in range(STATIONS)]
    parts = [Part(product=tile, serial=f"S{n}") for n in range(ROWS // 6 + 1)]
    first = Part.objects.bulk_create(parts)[0]
    words = {"product": tile.pk, "station": places[0].pk, "part": first.pk}
    with connection.cursor() as cursor:
        cursor.execute(MANY, {**words, "stations": STATIONS, "rows": ROWS, "now": now})
        cursor.execute("ANALYZE inspections_inspection")


def test_a_hundred_thousand_pictures_of_twenty_stations_ask_few_questions(
    many, now, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        assert len(tiles(now)) == STATIONS
