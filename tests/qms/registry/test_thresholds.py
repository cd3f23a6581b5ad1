"""Publishing thresholds: signed, immutable, of the model that judges, and in force at once."""

from typing import Any

import pytest
from django.utils import timezone

from qms.accounts import signatures
from qms.accounts.models import Meaning, Signature
from qms.events.models import Event
from qms.inspections.models import Verdict
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.recipes import Recipe
from qms.registry import trail
from qms.registry.thresholds import publish_thresholds
from tests import factories


@pytest.fixture
def tile(db):
    product = factories.product()
    factories.model(product)
    return product


def publish(product, ok=0.2, not_ok=0.3, **words: Any) -> Recipe:
    lea = factories.person("lea", "lead")
    proof = signatures.prove(
        lea,
        "a long password",
        meaning=Meaning.APPROVAL,
        reason="fewer false calls",
        address="here",
        now=timezone.now(),
    )
    given = {
        "station": None,
        "artefact": product.models.get(status="ACTIVE").sha256,
        "instead_of": Recipe.current_for(product).number,
        **words,
    }
    return publish_thresholds(
        product, ok=ok, not_ok=not_ok, proof=proof, now=timezone.now(), **given
    )


def test_the_new_version_is_signed_and_keeps_all_else(tile):
    plant.publish_recipe(
        tile, by=None, now=timezone.now(), reason="camera", mm_per_px=0.5, cost_escape=70
    )
    recipe = publish(tile)
    assert (recipe.number, recipe.mm_per_px, recipe.cost_escape) == (3, 0.5, 70)
    assert recipe.reason == recipe.signature.reason == "fewer false calls"
    assert recipe.signature.record == "tile recipe 3" == str(recipe)
    assert str(recipe.published_by) == "lea"
    content = {
        "product": "tile",
        "station": "",
        "threshold_ok": recipe.threshold_ok,
        "threshold_not_ok": recipe.threshold_not_ok,
        "threshold_artefact": recipe.threshold_artefact,
    }
    assert recipe.signature.digest == signatures.digest(content)
    names = Event.objects.order_by("id").values_list("name", flat=True)
    assert list(names)[-2:] == ["RecordSigned", "RecipePublished"]


def test_thresholds_that_are_not_what_was_signed_are_found(tile):
    publish(tile)
    publish(tile, station=plant.ensure_station("north"))
    assert list(trail.faults()) == []
    factories.behind_the_triggers("UPDATE plant_recipe SET threshold_ok = 0.25 WHERE number = 3")
    (fault,) = trail.faults()
    assert fault.what == "tile recipe 3 has other thresholds than were signed"


def test_the_next_picture_is_judged_by_them(tile, deliver_all):
    before = factories.submission(tile, 40, seed=1)
    deliver_all()
    publish(tile, ok=0.2, not_ok=0.3)
    after = factories.submission(tile, 40, seed=1)
    deliver_all()
    said = {v.inspection_id: v for v in Verdict.objects.all()}
    assert said[before.pk].score == said[after.pk].score
    assert (said[before.pk].evaluation, said[after.pk].evaluation) == ("NOT_OK", "OK")
    assert (said[after.pk].threshold_ok, said[after.pk].threshold_not_ok) == (0.2, 0.3)
    assert said[after.pk].recipe.signature is not None
    after.refresh_from_db()
    assert after.status == "SETTLED"


def test_a_station_gets_a_recipe_of_its_own(tile, deliver_all):
    north = plant.ensure_station("north")
    recipe = publish(tile, station=north)
    assert recipe.station == north
    assert Recipe.current_for(tile).threshold_ok is None
    for station in (north, None):
        factories.submission(tile, 40, station=station)
    deliver_all()
    assert set(Verdict.objects.values_list("inspection__station__code", "evaluation")) == {
        ("north", "OK"),
        (None, "NOT_OK"),
    }


@pytest.mark.parametrize(
    ("ok", "not_ok"),
    [(0.4, 0.3), (-0.1, 0.3), (float("nan"), 0.3), (0.1, float("nan")), (0.1, float("inf"))],
)
def test_thresholds_that_make_no_sense_are_refused(tile, ok, not_ok):
    with pytest.raises(Refused, match="not above"):
        publish(tile, ok, not_ok)
    assert not Signature.objects.exists()


def test_another_model_in_force_meanwhile_refuses_them(tile):
    with pytest.raises(Refused, match="judges by now"):
        publish(tile, artefact="0" * 64)
    assert Recipe.objects.count() == 1
    assert not Signature.objects.exists()


def test_another_recipe_published_meanwhile_refuses_them(tile):
    publish(tile)
    with pytest.raises(Refused, match="published another recipe of tile"):
        publish(tile, instead_of=1)
    assert Recipe.objects.count() == 2
    assert Signature.objects.count() == 1


def test_equal_thresholds_leave_nothing_undecided(tile, deliver_all):
    publish(tile, ok=0.1, not_ok=0.1)
    for level in (20, 27, 40):
        factories.submission(tile, level)
    deliver_all()
    assert set(Verdict.objects.values_list("evaluation", flat=True)) == {"OK", "NOT_OK"}
