"""What is said of a picture: checked once, whichever door it takes."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from qms.inspections import actions
from qms.inspections.models import Inspection, SubmissionKey
from tests import factories
from tests.factories import picture

ADDRESS = "/api/inspections/"


@pytest.fixture
def line(db):
    factories.model(factories.product())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('ingest', 'read')}")
    return client


def send(client, data=None, headers=None, **words):
    upload = SimpleUploadedFile("part.png", picture() if data is None else data)
    return client.post(ADDRESS, {"product": "tile", "picture": upload, **words}, headers=headers)


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("serial", "x" * 65, "64 are the most"),
        ("lot", "x" * 65, "64 are the most"),
        ("external_id", "x" * 129, "128 are the most"),
        ("serial", "a\0b", "NUL"),
        ("name", "\0.png", "NUL"),
        ("lot", "\udcff", "UTF-8"),
    ],
)
def test_a_word_that_cannot_be_kept_is_refused_by_name(db, field, text, says):
    with pytest.raises(actions.BadWords, match=f"{field}.*{says}"):
        factories.submission(**{field: text})
    assert not Inspection.objects.exists()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1969, 12, 31, tzinfo=UTC),
        datetime.fromisoformat("9999-12-31T23:59:59-12:00"),
        datetime.fromisoformat("0001-01-01T00:00:00+12:00"),
        timezone.now() + timedelta(days=2),
    ],
)
def test_a_time_that_cannot_be_is_refused(db, moment):
    with pytest.raises(actions.BadWords, match="lies before 1970 or more than a day ahead"):
        factories.submission(captured_at=moment)


def test_a_clock_that_is_a_little_fast_is_taken(db):
    soon = timezone.now() + timedelta(hours=5)
    assert factories.submission(captured_at=soon).captured_at == soon


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "2999-01-01T00:00:00Z"])
def test_the_api_answers_400_to_a_time_that_cannot_be(line, moment):
    answer = send(line, captured_at=moment)
    assert answer.status_code == 400
    assert "captured_at" in answer.json()["fields"]


def test_the_database_keeps_no_time_that_pages_cannot_show(db):
    row = factories.submission()
    with pytest.raises(IntegrityError), transaction.atomic():
        Inspection.objects.filter(pk=row.pk).update(captured_at=datetime(3000, 1, 1, tzinfo=UTC))


# --- the sender's own id ---


def test_an_idempotency_key_that_is_too_long_is_refused_not_cut(line):
    answers = [send(line, headers={"Idempotency-Key": "x" * 128 + end}) for end in "ab"]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert "128" in answers[0].json()["detail"]


def test_an_empty_form_field_does_not_hide_the_header(line):
    send(line, headers={"Idempotency-Key": "e7"}, external_id="")
    assert SubmissionKey.objects.get().external_id == "e7"


@pytest.mark.parametrize("words", [{"serial": "B"}, {"lot": "L2"}])
def test_the_same_id_for_another_part_or_lot_is_a_409(line, words):
    said = {"external_id": "e1", "serial": "A", "lot": "L1"}
    assert send(line, **said).status_code == 202
    answer = send(line, **{**said, **words})
    assert answer.status_code == 409
    assert (
        "used before for another picture, product, serial, lot or station"
        in answer.json()["detail"]
    )


def test_an_id_that_an_older_release_kept_is_known_again(db):
    """It made the fingerprint of product and picture alone."""
    first = factories.submission(external_id="e0")
    given = actions.Submission(product=first.product, picture=picture(), external_id="e1")
    old = next(iter(given.fingerprints - {given.fingerprint}))
    SubmissionKey.objects.create(external_id="e1", inspection=first, fingerprint=old)
    assert actions.submit(given, now=timezone.now(), actor="x") == (first, False)


def test_a_form_without_its_length_is_a_411(line):
    answer = line.generic(
        "POST", ADDRESS, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH=""
    )
    assert answer.status_code == 411
    assert "Content-Length" in answer.json()["detail"]


# --- pictures whose values have no scale ---


def float_tiff(highest: float) -> bytes:
    out = io.BytesIO()
    values = np.linspace(0, highest, 64 * 64, dtype=np.float32).reshape(64, 64)
    Image.fromarray(values).save(out, "TIFF")
    return out.getvalue()


def test_a_float_picture_without_a_known_scale_is_refused_at_the_door(line):
    answer = send(line, float_tiff(255.0))
    assert answer.status_code == 400
    assert "floating-point grey values outside 0 to 1" in answer.json()["detail"]
    assert send(line, float_tiff(1.0)).status_code == 202


@pytest.mark.parametrize("what", ["upright", "thumbnail"])
def test_a_stored_file_that_is_no_picture_is_a_415(line, settings, what):
    row = Inspection.objects.get(pk=send(line).json()["id"])
    (settings.MEDIA_ROOT / row.picture_key).write_bytes(float_tiff(9.0))
    answer = line.get(f"{ADDRESS}{row.pk}/{what}/")
    assert answer.status_code == 415
    assert "outside 0 to 1" in answer.json()["detail"]


def test_a_picture_that_is_gone_from_the_store_is_a_404(line, settings):
    row = Inspection.objects.get(pk=send(line).json()["id"])
    (settings.MEDIA_ROOT / row.picture_key).unlink()
    answer = line.get(f"{ADDRESS}{row.pk}/upright/")
    assert answer.status_code == 404
    assert "not in the file store" in answer.json()["detail"]


# --- reading ---


@pytest.mark.parametrize("cursor", ["cD1hYmM=", "cD0A", "bz05OTk5OTkmcD0=", "cD0lMDA=", "x"])
def test_a_cursor_that_somebody_made_up_is_a_404(line, cursor):
    answer = line.get(f"{ADDRESS}?cursor={cursor}")
    assert answer.status_code == 404
    assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("after=1950-01-01T00:00:00Z", 1),
        ("after=0001-01-01T00:00:00Z", 1),
        ("before=9999-12-31T23:59:59Z", 1),
        ("after=9999-12-31T23:59:59Z", 0),
        ("before=0001-01-01T00:00:00Z", 0),
    ],
)
def test_a_date_far_away_is_a_date(line, query, found):
    send(line)
    answer = line.get(f"{ADDRESS}?{query}")
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == found


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"])
def test_a_date_beyond_the_calendar_is_no_fault_of_ours(line, moment):
    assert line.get(f"{ADDRESS}?after={moment}").status_code in (200, 400)


def test_looking_without_reading_needs_no_more_than_reading(line):
    """HEAD is GET without its body."""
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('read')}")
    assert reader.head(ADDRESS).status_code == 200
