"""Bad input at the door: one sentence that says what to do, and nothing half-stored."""

import io
import zipfile
import zlib
from struct import pack

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from qms.inspections.models import Inspection, SubmissionKey
from qms.plant.models import Lot, Part
from tests import factories
from tests.factories import picture

ADDRESS = "/api/inspections/"


@pytest.fixture
def line(db):
    """A machine with a key that may send pictures."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('ingest', 'read')}")
    return client


@pytest.fixture
def tile(db):
    tile = factories.product()
    factories.model(tile)
    return tile


def send(client, data=None, name="part.png", **words):
    body = {"product": "tile", **words}
    if data is not None:
        body["picture"] = SimpleUploadedFile(name, data)
    return client.post(ADDRESS, body)


def nothing_stored(settings) -> bool:
    files = [p for p in settings.MEDIA_ROOT.rglob("*") if p.is_file()]
    rows = [model.objects.exists() for model in (Inspection, SubmissionKey, Part, Lot)]
    return not files and not any(rows)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("part.png", picture())
    return out.getvalue()


def bomb(side: int = 10_000) -> bytes:
    """A PNG of 100 megapixels in a few bytes: only its header is real."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


BAD = {
    "not an image": b"these are words, not a picture" * 10,
    "empty": b"",
    "truncated png": picture()[:-40],
    "truncated jpeg": picture(kind="JPEG", size=256)[:-900],
    "bomb": bomb(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>',
    "html": b"<!doctype html><html><script>alert(1)</script></html>",
    "zip": zipped(),
    "gif": b"GIF89a" + b"\0" * 100,
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_gets_a_sentence_and_leaves_nothing(line, tile, settings, what):
    answer = send(line, BAD[what], serial="S1", lot="L1", external_id="e1")
    assert answer.status_code == 400
    sentence = answer.json()["detail"]
    assert "picture" in answer.json()["fields"]
    assert len(sentence) > 30
    assert sentence.rstrip().endswith(".")
    assert nothing_stored(settings)


def test_a_picture_that_is_too_large_is_a_413(line, tile, settings):
    settings.MAX_PICTURE_MB = 1
    answer = send(line, b"\x89PNG\r\n\x1a\n" + b"\0" * 3_000_000)
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["detail"]
    assert nothing_stored(settings)


def test_a_picture_just_over_the_limit_is_refused_too(line, tile, settings):
    settings.MAX_PICTURE_MB = 1
    answer = send(line, picture() + b"\0" * (1024 * 1024))
    assert answer.status_code in (400, 413)
    assert nothing_stored(settings)


@pytest.mark.parametrize(
    ("words", "field", "says"),
    [
        ({"product": "unknown"}, "product", "none called 'unknown'"),
        ({"station": "nowhere"}, "station", "none called 'nowhere'"),
        ({"captured_at": "yesterday"}, "captured_at", "format"),
        ({"serial": "x" * 65}, "serial", "64"),
        ({"external_id": "x" * 129}, "external_id", "128"),
        ({"is_simulated": "perhaps"}, "is_simulated", "boolean"),
    ],
)
def test_wrong_words_are_named(line, tile, settings, words, field, says):
    answer = send(line, picture(), **words)
    assert answer.status_code == 400
    assert says in str(answer.json()["fields"][field])
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert nothing_stored(settings)


def test_a_missing_picture_or_product_is_named(line, tile):
    assert "picture" in send(line).json()["fields"]
    answer = line.post(ADDRESS, {"picture": SimpleUploadedFile("a.png", picture())})
    assert "product" in answer.json()["fields"]


def test_a_picture_that_is_text_and_no_file_is_refused(line, tile):
    answer = line.post(ADDRESS, {"product": "tile", "picture": "a.png"})
    assert answer.status_code == 400
    assert "multipart" in answer.json()["detail"]


def test_a_body_that_is_no_form_is_a_415(line, tile):
    assert line.post(ADDRESS, {"product": "tile"}, format="json").status_code == 415


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf"])
def test_a_wait_that_is_no_number_is_refused_before_anything_is_stored(line, tile, settings, wait):
    body = {"product": "tile", "picture": SimpleUploadedFile("a.png", picture())}
    assert line.post(f"{ADDRESS}?wait={wait}", body).status_code == 400
    assert nothing_stored(settings)


def test_a_product_without_an_active_model_is_a_409_that_says_what_to_do(line, settings):
    factories.product("new")
    answer = send(line, picture(), product="new")
    assert answer.status_code == 409
    assert "enrol" in answer.json()["detail"]
    assert nothing_stored(settings)


def test_a_stranger_and_a_wrong_key_are_401(db, tile):
    client = APIClient()
    assert send(client, picture()).status_code == 401
    client.credentials(HTTP_AUTHORIZATION="Bearer andon_00000000_nothing")
    answer = send(client, picture())
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.json()["detail"]


def test_a_key_without_the_scope_is_a_403_that_names_it(db, tile, settings):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('read')}")
    answer = send(client, picture())
    assert answer.status_code == 403
    assert "'ingest'" in answer.json()["detail"]
    assert nothing_stored(settings)


def test_a_key_that_may_only_send_cannot_read(db, tile):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {factories.key('ingest')}")
    sent = send(client, picture())
    assert sent.status_code == 202
    assert client.get(sent["Location"]).status_code == 403
    assert client.get(ADDRESS).status_code == 403


def test_an_unknown_inspection_is_a_404(line):
    address = f"{ADDRESS}01900000-0000-7000-8000-000000000000/"
    assert line.get(address).status_code == 404


@pytest.mark.parametrize(
    "query", ["evaluation=MAYBE", "score_min=high", "product=none", "after=now"]
)
def test_a_filter_that_cannot_be_is_a_400(line, query):
    assert line.get(f"{ADDRESS}?{query}").status_code == 400


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a" * 300 + ".png", "bild äöü.png", "\x00.png"]
)
def test_an_odd_file_name_harms_nothing(line, tile, settings, name):
    answer = send(line, picture(), name=name)
    assert answer.status_code in (202, 400)
    outside = [p for p in settings.MEDIA_ROOT.parent.iterdir() if p.name not in ("files",)]
    assert not outside
