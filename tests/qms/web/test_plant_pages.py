"""The set-up pages: what each role sees there, and what becomes of what it types."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from qms.accounts.models import Scope
from qms.accounts.roles import Role
from qms.plant import actions
from qms.plant.models import DefectType, Line, Product, Site, Station
from tests import factories
from tests.qms.web.reading import form_of, said, text

EDITORS = {Role.ADMIN, Role.LEAD, Role.MANAGER}


@pytest.fixture
def station(db: None) -> Station:
    return actions.ensure_station("CAM-1")


@pytest.fixture
def tile(db: None) -> Product:
    return factories.product("tile", "scratch", "dent")


# --- who ---


def test_an_empty_plant_says_the_next_step_to_who_can_take_it(sign_in):
    assert "Add a site" in text(sign_in("manager"), "plant")
    page = text(sign_in("annotator"), "plant")
    assert "sets up the sites" in page
    assert "Add a site" not in page


@pytest.mark.parametrize("role", list(Role))
def test_everyone_reads_and_three_roles_change(sign_in, station, tile, role):
    client, may = sign_in(role), role in EDITORS
    for name, args in [
        ("plant", []),
        ("plant-station", ["CAM-1"]),
        ("plant-product", ["tile"]),
        ("plant-recipes", ["tile"]),
        ("plant-questions", ["tile"]),
        ("plant-parts", []),
        ("plant-history", ["station", station.pk]),
        ("plant-export", ["json"]),
    ]:
        assert client.get(reverse(name, args=args)).status_code == 200, name
    for name, args in [
        ("plant-add", ["site"]),
        ("plant-edit", ["station", station.pk]),
        ("plant-defect-types", ["tile"]),
        ("plant-publish-questions", ["tile"]),
        ("plant-publish-recipe", ["tile"]),
        ("plant-import", []),
    ]:
        answer = client.get(reverse(name, args=args))
        assert answer.status_code == (200 if may else 403), name
    links = said(client.get(reverse("plant-product", args=["tile"])))
    assert (reverse("plant-defect-types", args=["tile"]) in links) == may


@pytest.mark.parametrize("role", list(Role))
def test_inspectors_move_stations_too(sign_in, station, role):
    client, may = sign_in(role), role in {*EDITORS, Role.INSPECTOR}
    assert ("Drain" in text(client, "plant-station", "CAM-1")) == may
    answer = client.post(reverse("plant-move", args=["CAM-1"]), {"to": "PAUSED"})
    assert answer.status_code == (302 if may else 403)
    assert Station.objects.get().status == ("PAUSED" if may else "RUNNING")


# --- places ---


def test_a_site_a_line_a_station_one_after_the_other(sign_in):
    client = sign_in("lead", name="lena")
    words = {"code": "ulm", "name": "Ulm works", "time_zone": "Europe/Berlin"}
    client.post(reverse("plant-add", args=["site"]), words)
    site = Site.objects.get()
    page = client.get(reverse("plant-add", args=["line"]), {"site": str(site.pk)})
    assert f'<option value="{site.pk}" selected>' in said(page)
    client.post(reverse("plant-add", args=["line"]), {"site": site.pk, "code": "1"})
    words = {"line": Line.objects.get().pk, "code": "CAM-1", "takt_seconds": "4.5"}
    answer = client.post(reverse("plant-add", args=["station"]), words, follow=True)
    assert "Station CAM-1 added." in said(answer)
    assert "4.5 s per part" in said(answer)
    page = text(client, "plant")
    for word in ("Ulm works", "Europe/Berlin", "CAM-1", "Running", "4.5 s"):
        assert word in page


@pytest.mark.parametrize(
    ("kind", "words", "sentence"),
    [
        ("site", {"code": "a b", "time_zone": "UTC"}, "no spaces"),
        ("site", {"code": "a", "time_zone": "Mars/North"}, "not one of the available choices"),
        ("station", {"code": "CAM-1", "takt_seconds": "1"}, "already exists"),
        ("station", {"code": "CAM-2", "takt_seconds": "0"}, "more than 0 seconds"),
        ("station", {"code": "CAM-2", "takt_seconds": "-3"}, "more than 0 seconds"),
        ("product", {"code": ""}, "required"),
    ],
)
def test_a_mistake_is_told_beside_its_field(sign_in, station, kind, words, sentence):
    before = Site.objects.count() + Station.objects.count() + Product.objects.count()
    more = {"line": station.line.pk} if kind == "station" else {}
    answer = sign_in("lead").post(reverse("plant-add", args=[kind]), {**words, **more})
    assert (answer.status_code, sentence in said(answer)) == (200, True)
    assert before == Site.objects.count() + Station.objects.count() + Product.objects.count()


def test_two_editors_of_a_station_do_not_overwrite_each_other(sign_in, station):
    first, second = sign_in("lead", name="lena"), sign_in("manager", name="mia")
    address = reverse("plant-edit", args=["station", station.pk])
    opened = form_of(second, address)
    first.post(address, {**form_of(first, address), "name": "milling"})
    answer = second.post(
        address,
        {**opened, "name": "packing"},
        follow=True,
        headers={"Referer": f"http://testserver{address}"},
    )
    assert "while you were at it" in said(answer)
    assert 'value="milling"' in said(answer)
    assert Station.objects.get().name == "milling"


def test_the_code_of_what_is_used_is_not_asked_for(sign_in, station):
    factories.submission(station=station)
    address = reverse("plant-edit", args=["station", station.pk])
    client = sign_in("lead")
    assert "It is in use, so it stays." in said(client.get(address))
    client.post(address, {**form_of(client, address), "code": "OTHER", "name": "new"})
    found = Station.objects.get()
    assert (found.code, found.name) == ("CAM-1", "new")


def test_what_was_never_used_can_be_removed_and_what_is_used_says_why_not(sign_in, station):
    client = sign_in("lead")
    answer = client.post(reverse("plant-remove", args=["site", station.line.site.pk]), follow=True)
    assert "lines name it" in said(answer)
    client.post(reverse("plant-remove", args=["station", station.pk]))
    assert not Station.objects.exists()


def test_the_history_says_who_and_what(sign_in, station):
    client = sign_in("inspector", name="ines")
    client.post(reverse("plant-move", args=["CAM-1"]), {"to": "DRAINING"})
    page = text(client, "plant-history", "station", station.pk)
    assert "Version 2" in page
    assert "ines" in page
    assert "Draining" in page


@pytest.mark.parametrize(
    "address",
    ["/plant/boat/add/", "/plant/boat/1/edit/", "/plant/boat/1/history/", "/plant/catalogue.xml"],
)
def test_a_kind_that_there_is_not_is_not_found(sign_in, address):
    assert sign_in("lead").get(address).status_code == 404


def test_a_move_that_there_is_not_is_told(sign_in, station):
    client = sign_in("lead")
    answer = client.post(reverse("plant-move", args=["CAM-1"]), {"to": "FLY"}, follow=True)
    assert "run, drain or pause" in said(answer)


@pytest.mark.parametrize(
    "address",
    [
        "/plant/stations/%00/",
        "/plant/products/a%00b/recipes/",
        "/plant/products/%00/enrol/",
        "/plant/products/%00/golden/",
        "/quality/%00/",
        "/quality/%00/evidence/",
    ],
)
def test_an_address_that_holds_no_code_is_not_found(sign_in, address):
    assert sign_in("lead").get(address).status_code == 404


# --- a paused station ---


@pytest.mark.parametrize("to", ["PAUSED", "DRAINING"])
def test_a_station_that_does_not_run_refuses_pictures(sign_in, station, to):
    factories.model(factories.product())
    sign_in("inspector").post(reverse("plant-move", args=["CAM-1"]), {"to": to})
    bearer = {"Authorization": f"Bearer {factories.key(Scope.INGEST)}"}
    picture = SimpleUploadedFile("a.png", factories.picture(factories.NORMAL))
    words = {"product": "tile", "station": "CAM-1", "picture": picture}
    answer = Client().post(reverse("api-inspections"), words, headers=bearer)
    assert answer.status_code == 409
    assert "takes no pictures" in answer.json()["detail"]


# --- products ---


def test_a_product_is_added_and_then_its_defects(sign_in):
    client = sign_in("manager", name="mia")
    answer = client.post(reverse("plant-add", args=["product"]), {"code": "P-1"}, follow=True)
    assert "Write down what can be wrong with it" in said(answer)
    address = reverse("plant-defect-types", args=["P-1"])
    words = {"type-0-code": "dent", "type-0-name": "Dent", "type-0-raises_after": "3"}
    client.post(address, {**form_of(client, address), **words})
    dent = DefectType.objects.get()
    assert (dent.name, dent.raises_after, dent.colour, dent.active) == ("Dent", 3, "#D55E00", True)


def test_the_table_changes_what_was_typed_and_nothing_else(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-defect-types", args=["tile"])
    words = {"type-0-alias": "Beule", "type-1-palette": "other", "type-1-other": "#123456"}
    answer = client.post(address, {**form_of(client, address), **words}, follow=True)
    assert "2 defect types of tile changed." in said(answer)
    dent, scratch = tile.defect_types.all()
    assert (str(dent), scratch.colour, scratch.name) == ("Beule", "#123456", "Scratch")


def test_a_table_of_a_hundred_types_takes_few_questions_and_is_stored(
    sign_in, tile, django_assert_max_num_queries
):
    for n in range(100):
        tile.defect_types.create(code=f"t{n}", name=f"T{n}")
    client = sign_in("lead")
    address = reverse("plant-defect-types", args=["tile"])
    with django_assert_max_num_queries(20):
        words = form_of(client, address)
    boxes = ("alias", "raises_after", "description")
    empty = {f"type-{n}-{box}": "" for n in range(104) for box in boxes}  # as a browser sends them
    client.post(address, {**empty, **words, "type-7-alias": "Beule"})
    assert tile.defect_types.get(alias="Beule")


def test_who_only_picks_another_colour_means_it(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-defect-types", args=["tile"])
    client.post(address, {**form_of(client, address), "type-0-other": "#abcdef"})
    assert tile.defect_types.first().colour == "#ABCDEF"


def test_the_same_code_twice_is_told(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-defect-types", args=["tile"])
    words = {"type-2-code": "dent", "type-2-name": "Dent"}
    answer = client.post(address, {**form_of(client, address), **words})
    assert "The code dent stands there twice." in said(answer)
    assert tile.defect_types.count() == 2


def test_a_row_is_taken_away_if_it_was_never_used(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-defect-types", args=["tile"])
    client.post(address, {**form_of(client, address), "type-0-remove": "on"})
    assert [one.code for one in tile.defect_types.all()] == ["scratch"]


# --- parts ---


def test_parts_are_found_by_how_their_number_begins(sign_in, tile):
    for serial in ("A-1", "A-2", "B-1"):
        factories.submission(tile, serial=serial)
    page = text(sign_in("inspector"), "plant-parts", serial="A-")
    assert "A-1" in page
    assert "B-1" not in page
    assert reverse("inspections") + "?product=tile&amp;serial=A-2" in page
    assert "No part begins with C" in text(sign_in("inspector"), "plant-parts", serial="C")


def test_a_percent_sign_is_a_letter_of_a_serial(sign_in, tile):
    factories.submission(tile, serial="A-1")
    assert "No part begins with %" in text(sign_in("inspector"), "plant-parts", serial="%")
