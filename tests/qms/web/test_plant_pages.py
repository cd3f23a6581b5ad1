"""The set-up pages: what each role sees there, and what becomes of what it types."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qms.accounts.models import Scope
from qms.accounts.roles import Role
from qms.plant import actions, questions
from qms.plant.models import DefectType, Line, Product, Site, Station
from qms.plant.recipes import Recipe
from tests import factories

EDITORS = {Role.ADMIN, Role.LEAD, Role.MANAGER}


@pytest.fixture
def station(db: None) -> Station:
    return actions.ensure_station("CAM-1")


@pytest.fixture
def tile(db: None) -> Product:
    return factories.product("tile", "scratch", "dent")


def text(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def said(answer: Any) -> str:
    return str(answer.content.decode())


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What the form of a page would send if nothing were changed."""
    page = client.get(address)
    context = page.context
    forms = list(context.get("table") or context.get("rows") or [context["form"]])
    data: dict[str, Any] = {"seen": context.get("seen", "")}
    for form in forms:
        for box in form:
            if box.field.disabled or box.value() in (None, False, ""):
                continue
            data[box.html_name] = "on" if box.value() is True else box.value()
    formset = context.get("table") or context.get("rows")
    if formset is not None:
        data |= {f"{formset.prefix}-{n}": v for n, v in formset.management_form.initial.items()}
    return {name: value for name, value in data.items() if value is not None}


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


def test_questions_are_written_published_and_asked_by_a_recipe(sign_in, tile):
    client = sign_in("lead", name="lena")
    address = reverse("plant-publish-questions", args=["tile"])
    words = {
        "question-0-slot": "thread",
        "question-0-text": "Is it complete?",
        "question-0-choices": "yes\r\n no \r\n\r\n",
    }
    answer = client.post(address, {**form_of(client, address), **words}, follow=True)
    assert "Version 1 of the questions is published." in said(answer)
    assert "Publish a recipe that asks these" in said(answer)
    asked = questions.current(tile)
    assert asked.questions[0]["choices"] == ["yes", "no"]
    assert str(asked.published_by) == "lena"
    address = reverse("plant-publish-recipe", args=["tile"])
    words = {"question_set": asked.pk, "reason": "ask for the thread"}
    client.post(address, {**form_of(client, address), **words})
    assert "Asked by recipe 2" in text(client, "plant-questions", "tile")


def test_a_question_that_cannot_be_asked_is_told_and_kept_on_the_page(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-publish-questions", args=["tile"])
    words = {"question-0-slot": "a b", "question-0-text": "Is it complete?"}
    answer = client.post(address, {**form_of(client, address), **words})
    assert "no spaces" in said(answer)
    assert "Is it complete?" in said(answer)
    assert questions.current(tile) is None


def test_a_recipe_asks_shares_in_per_cent_and_shows_what_differs(sign_in, tile):
    client = sign_in("manager", name="mia")
    address = reverse("plant-publish-recipe", args=["tile"])
    words = {"audit_share": "7", "cap_hour": "40", "reason": "new fixture"}
    answer = client.post(address, {**form_of(client, address), **words}, follow=True)
    recipe = Recipe.current_for(tile)
    assert (recipe.number, recipe.audit_share, recipe.cap_hour) == (2, 0.07, 40)
    assert (recipe.repeat_share, recipe.route_not_ok) == (0, True)
    page = said(answer)
    for words in ("Recipe 2 of tile is published.", "new fixture", "7 %", "Cap: in an hour", "mia"):
        assert words in page


def test_a_recipe_of_one_station_begins_as_the_products(sign_in, station, tile):
    client = sign_in("lead")
    address = reverse("plant-publish-recipe", args=["tile"]) + "?station=CAM-1"
    words = {"mm_per_px": "0.05", "reason": "its own camera"}
    client.post(address, {**form_of(client, address), **words})
    assert Recipe.current_for(tile, station).mm_per_px == 0.05
    assert Recipe.current_for(tile).number == 1
    assert "In force at CAM-1" in text(client, "plant-recipes", "tile")


def test_a_recipe_says_what_annotators_get(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-publish-recipe", args=["tile"])
    words = {**form_of(client, address), "reason": "holidays", "cap_labels_day": "9"}
    del words["label_disputed"]  # the box is not ticked any more
    client.post(address, words)
    now = Recipe.current_for(tile)
    assert (now.label_uncertain, now.label_disputed, now.cap_labels_day) == (True, False, 9)
    page = text(client, "plant-recipes", "tile")
    assert "Labelled: pictures on which a person and the model disagree" in page
    assert "Labelled: of these, in a day at most" in page


def test_publishing_keeps_thresholds_that_were_set_elsewhere(sign_in, tile):
    rules = {"threshold_ok": 1.0, "threshold_not_ok": 2.0, "threshold_artefact": "a" * 64}
    actions.publish_recipe(tile, by=None, now=timezone.now(), reason="what-if", **rules)
    client = sign_in("lead")
    address = reverse("plant-publish-recipe", args=["tile"])
    client.post(address, {**form_of(client, address), "reason": "x", "cap_day": "9"})
    assert Recipe.current_for(tile).thresholds_for("a" * 64) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"reason": ""}, "Say why"),
        ({"audit_share": "101"}, "less than or equal to 100"),
        ({"mm_per_px": "0"}, "more than 0 mm"),
        ({"cost_escape": "-1"}, "greater than or equal to 0"),
        ({"cost_escape": "1e30"}, "less than or equal to 1000000000"),
        ({"cap_day": "-1"}, "greater than or equal to 0"),
        ({"audit_share": "nan"}, "Enter a number"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_told_beside_its_field(sign_in, tile, words, sentence):
    client = sign_in("lead")
    address = reverse("plant-publish-recipe", args=["tile"])
    answer = client.post(address, {**form_of(client, address), "reason": "x", **words})
    assert (answer.status_code, sentence in said(answer)) == (200, True)
    assert Recipe.objects.count() == 1


def test_two_authors_of_a_recipe(sign_in, tile):
    client = sign_in("lead")
    address = reverse("plant-publish-recipe", args=["tile"])
    opened = form_of(client, address)
    actions.publish_recipe(tile, by=None, now=timezone.now(), reason="first", cap_day=1)
    answer = client.post(address, {**opened, "reason": "second"}, follow=True)
    assert "published another recipe of tile" in said(answer)
    assert Recipe.objects.count() == 2


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
