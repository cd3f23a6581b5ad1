"""Questions and recipes on the pages of a product: written, published, told apart."""

import pytest
from django.urls import reverse
from django.utils import timezone

from qms.plant import actions, questions
from qms.plant.models import Product, Station
from qms.plant.recipes import Recipe
from tests import factories
from tests.qms.web.reading import form_of, said, text


@pytest.fixture
def station(db: None) -> Station:
    return actions.ensure_station("CAM-1")


@pytest.fixture
def tile(db: None) -> Product:
    return factories.product("tile", "scratch", "dent")


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
