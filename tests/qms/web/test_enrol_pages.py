"""The pages of enrolling and of golden pictures: what they say, and whom they serve."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from qms.accounts.models import Scope
from qms.events.models import Delivery
from qms.inspections import enrolling
from qms.inspections.enrolments import Enrolment
from qms.inspections.golden import add as add_golden
from qms.plant.models import GoldenPicture
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import picture

PAGE = "/plant/products/tile/enrol/"
CHOSEN = {"detector": "stub", "backbone": "builtin", "size": "128", "promise_rate": ""}


@pytest.fixture(autouse=True)
def own_places(settings, tmp_path):
    settings.ARTEFACTS, settings.VAR = tmp_path / "artefacts", tmp_path / "var"


@pytest.fixture
def tile(db):
    return factories.product("tile")


@pytest.fixture
def lead(tile, sign_in):
    return sign_in("lead")


def send(client, data: bytes, name: str = "a.png"):
    return client.post(f"{PAGE}pictures/", {"picture": SimpleUploadedFile(name, data)})


def dropped(client, count: int) -> Enrolment:
    for n in range(count):
        send(client, picture(20 + n % 7, seed=n), f"{n}.png")
    return Enrolment.objects.latest("pk")


def test_an_empty_page_says_the_next_step(lead):
    page = lead.get(PAGE).content.decode()
    assert "Drop pictures of good parts here" in page
    assert "20 more are needed" in page
    assert "Nobody judges this product yet" in page
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize("role", ["inspector", "annotator", "auditor", "integrator", "mrb"])
def test_others_do_not_enrol(tile, sign_in, role):
    client = sign_in(role)
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}fit/", CHOSEN).status_code == 403
    assert client.get("/plant/products/tile/golden/").status_code == 403


def test_an_upload_answers_with_its_tile_or_with_what_is_wrong(lead):
    first, again = send(lead, picture()).json(), send(lead, picture(), "b.png").json()
    assert first["new"]
    assert "a.png" in first["tile"]
    assert (again["new"], again["tile"]) == (False, "")
    assert "19 more are needed" in again["summary"]
    assert "PDF" in send(lead, b"%PDF-1.7").json()["refused"]
    assert "picture" in lead.post(f"{PAGE}pictures/").json()["refused"]


def test_a_picture_beyond_the_limit_is_refused(lead, settings):
    settings.MAX_PICTURE_MB = 0
    assert "larger than 0 MB" in send(lead, picture()).json()["refused"]


def test_a_name_cannot_bring_markup_along(lead):
    tile = send(lead, picture(), '"><img src=x onerror=alert(1)>.png').json()["tile"]
    assert "<img src=x" not in tile


def test_too_few_pictures_are_said_on_the_page(lead):
    dropped(lead, 3)
    answer = lead.post(f"{PAGE}fit/", CHOSEN, HTTP_REFERER=f"http://testserver{PAGE}", follow=True)
    assert "add 17 more of good parts" in answer.content.decode()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"backbone": "a b"}, "no spaces"),
        ({"detector": "magic"}, "valid choice"),
        ({"defect_types": "what?"}, "no spaces"),
        ({"defect_types": "x" * 33}, "more than 32"),
    ],
)
def test_what_cannot_be_fitted_is_said_and_nothing_is_begun(lead, words, says):
    dropped(lead, 20)
    back = f"http://testserver{PAGE}"
    answer = lead.post(f"{PAGE}fit/", {**CHOSEN, **words}, HTTP_REFERER=back, follow=True)
    assert says in answer.content.decode()
    assert Enrolment.objects.get().status == "COLLECTING"


def test_the_whole_way_by_forms(lead, deliver_all):
    dropped(lead, 24)
    lead.post(f"{PAGE}fit/", {**CHOSEN, "defect_types": "deep  dent, rust\n\n"})
    assert "Waiting for a worker" in lead.get(f"{PAGE}progress/").content.decode()
    deliver_all()
    assert lead.get(f"{PAGE}progress/").status_code == 302
    page = lead.get(PAGE).content.decode()
    assert "With 24 held-out normals: false calls" in page
    assert page.count('class="odd"') == 10
    words = {"candidate": ModelVersion.objects.get().pk, "reason": "looked at them"}
    lead.post(f"{PAGE}activate/", {**words, "password": "wrong"})
    assert ModelVersion.objects.get().status == "CANDIDATE"
    lead.post(f"{PAGE}activate/", {**words, "password": "a long password"})
    assert ModelVersion.objects.get().status == "ACTIVE"
    assert "Judged by tile model 1" in lead.get(PAGE).content.decode()
    types = Enrolment.objects.get().product.defect_types
    assert set(types.values_list("code", flat=True)) >= {"deep_dent", "rust"}


def test_a_fit_that_nobody_takes_says_what_to_do_and_is_no_alarm(lead, client):
    enrolment = dropped(lead, 20)
    lead.post(f"{PAGE}fit/", CHOSEN)
    before = timezone.now() - timedelta(hours=1)
    Enrolment.objects.update(fit_at=before)
    Delivery.objects.update(owed_since=before, due_at=before)
    assert "start worker-fit" in lead.get(f"{PAGE}progress/").content.decode()
    assert client.get("/readyz").status_code == 200
    who = (enrolment.pk, 1)
    enrolling.note_progress(*who, stage="LEARNING", done=1, total=4, now=before)
    assert "if the worker died" in lead.get(f"{PAGE}progress/").content.decode()


def test_a_failed_fit_shows_its_reason_and_keeps_all(lead, deliver_all):
    dropped(lead, 20)
    lead.post(f"{PAGE}fit/", {**CHOSEN, "promise_rate": "0.01"})
    deliver_all()
    page = lead.get(PAGE).content.decode()
    assert "299 independent held-out normals are needed" in page
    assert "all 20 pictures are still here" in page


def test_many_pictures_are_shown_in_part(lead, tile):
    enrolment = dropped(lead, 1)
    kept = enrolment.pictures.get()
    for n in range(210):
        kept.pk, kept.sha256 = None, f"{n:064}"
        kept.save()
    assert "Show the 11 others too" in lead.get(PAGE).content.decode()
    assert lead.get(f"{PAGE}?all").content.decode().count("data-tile>") == 211


def test_a_thumbnail_is_small_and_safe(lead):
    kept = dropped(lead, 1).pictures.get()
    answer = lead.get(reverse("enrolment-picture", args=[kept.pk]))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.content.startswith(b"\xff\xd8")


def test_all_are_taken_out_at_once(lead):
    dropped(lead, 2)
    lead.post(f"{PAGE}start-over/")
    assert Enrolment.objects.get().pictures.count() == 0


# --- golden pictures ---

GOLDEN = "/plant/products/tile/golden/"


def test_a_golden_picture_is_added_shown_and_served(lead, client):
    lead.post(GOLDEN, {"picture": SimpleUploadedFile("g.png", picture()), "view": "top"})
    golden = GoldenPicture.objects.get()
    assert "Golden picture, view top" in lead.get(GOLDEN).content.decode()
    place = reverse("golden-picture", args=[golden.pk])
    for who in ({}, {"HTTP_AUTHORIZATION": f"Bearer {factories.key(Scope.READ)}"}):
        answer = (client if who else lead).get(place, **who)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert answer["Cache-Control"] == "private, max-age=86400"
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({}, "Choose the picture"),
        ({"picture": SimpleUploadedFile("a.pdf", b"%PDF-1.7")}, "PDF"),
        ({"picture": SimpleUploadedFile("a.png", b"x"), "view": "v" * 33}, "at most 32"),
    ],
)
def test_what_cannot_be_golden_is_said(lead, words, says):
    back = f"http://testserver{GOLDEN}"
    answer = lead.post(GOLDEN, words, HTTP_REFERER=back, follow=True)
    assert says in answer.content.decode()
    assert not GoldenPicture.objects.exists()


def test_a_file_that_is_gone_is_not_found(lead, tile):
    person = factories.person("mia", "manager")
    golden = add_golden(tile, picture(), view="", by=person, now=timezone.now())
    GoldenPicture.objects.update(key="golden/gone.png")
    assert lead.get(reverse("golden-picture", args=[golden.pk])).status_code == 404
