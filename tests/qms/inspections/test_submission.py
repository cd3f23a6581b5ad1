"""A picture goes in; what is acknowledged is on disk and in the tables."""

import hashlib
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from qms.events.models import Delivery, Event
from qms.inspections import actions
from qms.inspections.models import Inspection, SubmissionKey
from qms.partitions import new_key
from qms.plant import actions as plant
from tests import factories
from tests.factories import DEFECT, picture

ADDRESS = "/api/inspections/"


@pytest.fixture
def line(db):
    factories.model(factories.product())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('ingest', 'read')}")
    return client


def send(client, data=None, query="", **words):
    upload = SimpleUploadedFile("part.png", picture() if data is None else data)
    return client.post(ADDRESS + query, {"product": "tile", "picture": upload, **words})


def test_what_is_acknowledged_is_stored_whole(line, settings):
    plant.ensure_station("CAM-1")
    said = {"serial": "S1", "lot": "L1", "station": "CAM-1", "external_id": "e1"}
    answer = send(line, captured_at="2026-01-31T08:00:00+01:00", **said)
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"{ADDRESS}{answer.json()['id']}/")
    row = Inspection.objects.get(pk=answer.json()["id"])
    assert (row.serial, row.lot.number, row.station.code) == ("S1", "L1", "CAM-1")
    assert row.captured_at.isoformat() == "2026-01-31T07:00:00+00:00"
    assert (settings.MEDIA_ROOT / row.picture_key).read_bytes() == picture()
    assert row.picture_sha256 == hashlib.sha256(picture()).hexdigest()
    assert Event.objects.get(subject=row.pk).actor.startswith("key line 1")
    assert Delivery.objects.filter(event__subject=row.pk).count() == 1


def test_a_part_may_be_anonymous(line, deliver_all):
    first, second = send(line).json(), send(line).json()
    deliver_all()
    body = line.get(f"{ADDRESS}{first['id']}/").json()
    assert first["id"] != second["id"]
    assert (body["serial"], body["evaluation"]) == ("", "OK")


def test_nothing_is_evaluated_before_it_is_judged(line):
    assert send(line, picture(DEFECT)).json()["evaluation"] == "UNDEFINED"


def test_the_answer_tells_verdict_findings_and_links(line, deliver_all):
    sent = send(line, picture(DEFECT)).json()
    deliver_all()
    body = line.get(f"{ADDRESS}{sent['id']}/").json()
    (verdict,) = body["verdicts"]
    assert body["evaluation"] == verdict["evaluation"] == "NOT_OK"
    assert verdict["score"] >= verdict["threshold_not_ok"] >= verdict["threshold_ok"]
    (finding,) = verdict["findings"]
    x, y, width, height = finding["bbox"]
    assert (x, y, width, height) == pytest.approx((8, 32, 24, 16), abs=8)
    assert finding["area_px"] <= width * height
    for what in ("upright", "heat", "mask"):
        answer = line.get(body["links"][what])
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/png"


def test_the_same_external_id_answers_with_the_same_inspection(line):
    first, again = send(line, external_id="e1"), send(line, external_id="e1")
    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert Inspection.objects.count() == 1
    assert Event.objects.filter(name="InspectionSubmitted").count() == 1


def test_an_idempotency_key_is_an_external_id(line):
    words = {"HTTP_IDEMPOTENCY_KEY": "e9"}
    upload = [SimpleUploadedFile("a.png", picture()) for _ in range(2)]
    ids = [
        line.post(ADDRESS, {"product": "tile", "picture": u}, **words).json()["id"] for u in upload
    ]
    assert ids[0] == ids[1]


def test_the_same_external_id_with_another_picture_is_a_409(line, settings):
    send(line, external_id="e1")
    answer = send(line, picture(seed=5), external_id="e1")
    assert answer.status_code == 409
    assert "used before for another picture" in answer.json()["detail"]
    assert Inspection.objects.count() == 1
    assert len([p for p in settings.MEDIA_ROOT.rglob("*") if p.is_file()]) == 1


def test_the_same_external_id_for_another_product_is_a_409(line):
    factories.model(factories.product("brick"))
    send(line, external_id="e1")
    assert send(line, external_id="e1", product="brick").status_code == 409


def test_two_stations_may_count_alike(line):
    plant.ensure_station("CAM-1")
    plant.ensure_station("CAM-2")
    first = send(line, external_id="1", station="CAM-1")
    second = send(line, picture(seed=3), external_id="1", station="CAM-2")
    assert (first.status_code, second.status_code) == (202, 202)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_id_one_inspection_is_made(settings):
    tile = factories.product()
    factories.model(tile)
    barrier, made = threading.Barrier(6), []

    def work() -> None:
        submission = actions.Submission(product=tile, picture=picture(), external_id="e1")
        barrier.wait()
        made.append(actions.submit(submission, now=timezone.now(), actor="x"))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({inspection.pk for inspection, _ in made}) == 1
    assert sorted(new for _, new in made) == [False] * 5 + [True]
    assert SubmissionKey.objects.count() == 1
    assert len([p for p in settings.MEDIA_ROOT.rglob("*") if p.is_file()]) == 1


def test_waiting_ends_when_the_time_is_over(line):
    assert send(line, query="?wait=0.2").status_code == 202


def test_the_list_pages_by_cursor_and_filters(line, deliver_all):
    for n in range(5):
        send(line, picture(DEFECT if n % 2 else 20, seed=n), serial=f"S{n}")
    deliver_all()
    page = line.get(f"{ADDRESS}?page_size=2").json()
    serials = [row["serial"] for row in page["results"]]
    while page["next"]:
        page = line.get(page["next"]).json()
        serials += [row["serial"] for row in page["results"]]
    assert serials == ["S4", "S3", "S2", "S1", "S0"]
    bad = line.get(f"{ADDRESS}?evaluation=NOT_OK").json()["results"]
    assert [row["serial"] for row in bad] == ["S3", "S1"]
    assert len(line.get(f"{ADDRESS}?serial=S2&product=tile").json()["results"]) == 1


def test_the_list_takes_a_fixed_number_of_queries(line, deliver_all, django_assert_max_num_queries):
    for n in range(6):
        send(line, picture(DEFECT, seed=n))
    deliver_all()
    with django_assert_max_num_queries(8):
        line.get(ADDRESS)


def test_pictures_without_a_row_are_dropped_two_days_later(line, settings):
    kept = Inspection.objects.get(pk=send(line).json()["id"])
    orphan = (settings.MEDIA_ROOT / kept.picture_key).with_name(f"{new_key()}.png")
    orphan.write_bytes(b"x")
    assert actions.drop_orphans(day=kept.received_at) == 1
    assert not orphan.exists()
    assert (settings.MEDIA_ROOT / kept.picture_key).exists()


def test_the_schema_is_valid_and_browsable(client, db):
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.validation import validate_schema

    validate_schema(SchemaGenerator().get_schema(public=True))
    assert client.get("/api/schema/").status_code == 200
    assert client.get("/api/docs/").status_code == 200
