"""Reference data: each change a version, by name, with an event; nothing in use goes away."""

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from qms.events.models import Event
from qms.inspections.actions import pause_drained
from qms.lifecycle import IllegalMove, Refused
from qms.plant import actions, changes, questions
from qms.plant.history import versions_of
from qms.plant.models import DefectType, Line, Product, Site, Station, StationStatus
from qms.plant.recipes import Recipe
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories

pytestmark = pytest.mark.django_db


def store(row, words, **more):
    return changes.save(row, words, by=more.pop("by", None), now=timezone.now(), **more)


@pytest.fixture
def station() -> Station:
    return actions.ensure_station("CAM-1")


def last(name: str) -> Event:
    return Event.objects.filter(name=name).latest("pk")


def test_a_change_leaves_a_version_with_who_and_what(station):
    store(station, {"takt_seconds": 4.5}, by=factories.person("lena", "lead"))
    newest, first = versions_of(station)
    assert (newest.number, newest.by, first.by) == (2, "lena", "andon")
    (step,) = newest.steps
    assert (step.field, step.before, step.after) == ("takt seconds", None, 4.5)


def test_a_change_is_an_event_with_before_and_after(station):
    store(station, {"name": "after milling"}, by=factories.person("lena", "lead"))
    told = last("PlantChanged")
    assert told.actor == "lena"
    assert told.payload == {
        "kind": "station",
        "code": "CAM-1",
        "what": "changed",
        "fields": {"name": ["", "after milling"]},
    }


def test_what_changes_nothing_leaves_no_trace(station):
    events = Event.objects.count()
    assert store(station, {"name": ""}).what == changes.UNCHANGED
    assert (Event.objects.count(), len(versions_of(station))) == (events, 1)


def test_a_line_is_named_in_the_history_and_not_counted(station):
    other = Line(site=station.line.site, code="2")
    store(other, {})
    store(station, {"line": other})
    (step,) = versions_of(station)[0].steps
    assert (str(step.before), str(step.after)) == ("main/1", "main/2")


def test_of_two_editors_the_later_one_is_told(station):
    seen = changes.fingerprint(station)
    store(station, {"name": "by the first"}, seen=seen)
    with pytest.raises(changes.ChangedMeanwhile, match="while you were at it"):
        store(station, {"name": "by the second"}, seen=seen)
    assert Station.objects.get().name == "by the first"


def test_pausing_a_station_is_no_conflict_for_who_edits_its_name(station):
    seen = changes.fingerprint(station)
    actions.move_station(station, "PAUSED", by="ines", now=timezone.now())
    store(station, {"name": "x"}, seen=seen)
    found = Station.objects.get()
    assert (found.status, found.name) == (StationStatus.PAUSED, "x")


def test_a_code_may_be_mended_until_it_is_used(station):
    store(station, {"code": "CAM-2"})
    factories.submission(station=Station.objects.get())
    with pytest.raises(Refused, match="The code CAM-2 stays"):
        store(Station.objects.get(), {"code": "CAM-3"})


def test_a_products_own_recipe_says_nothing_of_its_use(db):
    tile = factories.product()
    actions.save_product(tile, {"code": "TILE-1"}, by=None, now=timezone.now())
    factories.submission(Product.objects.get())
    with pytest.raises(Refused, match="stays"):
        store(Product.objects.get(), {"code": "TILE-2"})


def test_what_is_used_is_never_removed(station):
    with pytest.raises(Refused, match="The site main stays: lines name it"):
        changes.remove(Site.objects.get(), by=None, now=timezone.now())
    factories.submission(station=station)
    with pytest.raises(Refused, match="Pause it instead"):
        changes.remove(station, by=None, now=timezone.now())


def test_what_was_never_used_may_go_and_the_trail_keeps_it(station):
    changes.remove(station, by=factories.person("lena", "lead"), now=timezone.now())
    assert not Station.objects.exists()
    told = last("PlantChanged").payload
    assert (told["what"], told["fields"]["line"]) == ("removed", ["main/1", None])


def test_what_someone_removed_meanwhile_is_not_brought_back(station):
    changes.remove(Station.objects.get(), by=None, now=timezone.now())
    with pytest.raises(changes.ChangedMeanwhile, match="removed the station CAM-1"):
        store(station, {"name": "x"})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"takt_seconds": 0}, "more than 0"),
        ({"takt_seconds": float("nan")}, "more than 0"),
        ({"takt_seconds": float("inf")}, "more than 0"),
        ({"code": "a b"}, "no spaces"),
        ({"code": ""}, "code: "),
        ({"name": "x" * 65}, "name: "),
    ],
)
def test_what_makes_no_sense_is_refused(station, words, sentence):
    with pytest.raises(Refused, match=sentence):
        store(station, words)


def test_a_site_is_in_a_zone_that_there_is(db):
    with pytest.raises(Refused, match="no time zone 'Mars/North'"):
        store(Site(code="mars"), {"time_zone": "Mars/North"})


def test_a_code_stands_once(station):
    with pytest.raises(Refused, match="already exists"):
        store(Station(code="CAM-1", line=station.line), {})


def test_a_new_product_has_its_first_recipe(db):
    by = factories.person("lena", "lead")
    actions.save_product(Product(code="P"), {"name": "x"}, by=by, now=timezone.now())
    recipe = Recipe.objects.get(product__code="P")
    assert (recipe.number, recipe.published_by) == (1, by)


# --- defect types, as a table ---


def table(product, rows, seen=None):
    shown = changes.fingerprint(*product.defect_types.all())
    return actions.save_defect_types(product, rows, by=None, now=timezone.now(), seen=seen or shown)


def test_the_table_is_stored_as_a_whole_or_not_at_all(db):
    tile = factories.product()
    dent = tile.defect_types.get(code="dent")
    with pytest.raises(Refused, match="RRGGBB"):
        table(
            tile,
            [
                (dent, {"name": "Bump"}),
                (DefectType(product=tile, code="x"), {"name": "x", "colour": "red"}),
            ],
        )
    assert tile.defect_types.get(code="dent").name == "Dent"


def test_a_table_that_someone_changed_meanwhile_is_refused(db):
    tile = factories.product()
    seen = changes.fingerprint(*tile.defect_types.all())
    store(DefectType(product=tile, code="stain"), {"name": "Stain"})
    with pytest.raises(changes.ChangedMeanwhile):
        table(tile, [], seen=seen)


def test_a_defect_that_a_person_named_is_made_inactive_not_removed(deliver_all):
    tile, lena = factories.product(), factories.person("lena", "lead")
    factories.submission(tile, factories.DEFECT)
    deliver_all()
    review, dent = Review.objects.get(), tile.defect_types.get(code="dent")
    reviews.claim(review, by=lena, now=timezone.now())
    reviews.decide(
        review, decision="NOT_OK", defect_type=dent, note="", by=lena, now=timezone.now()
    )
    with pytest.raises(Refused, match="Make it inactive instead"):
        table(tile, [(dent, None)])
    assert table(tile, [(dent, {"active": False})]) == 1
    assert not tile.defect_types.get(code="dent").active


def test_a_defect_type_that_nobody_named_may_go(db):
    tile = factories.product()
    assert table(tile, [(tile.defect_types.get(code="dent"), None)]) == 1
    assert [one.code for one in tile.defect_types.all()] == ["scratch"]


# --- recipes and questions ---


def test_two_authors_of_a_recipe_do_not_overtake_each_other(db):
    tile, now = factories.product(), timezone.now()
    actions.publish_recipe(tile, by=None, now=now, reason="a", seen=1, audit_share=0.5)
    with pytest.raises(changes.ChangedMeanwhile, match="another recipe"):
        actions.publish_recipe(tile, by=None, now=now, reason="b", seen=1, cap_hour=3)
    assert Recipe.current_for(tile).number == 2


ASKED = {"slot": "thread", "text": "Is it complete?", "choices": ["yes", "no"]}


def test_questions_are_published_as_versions(db):
    tile, now = factories.product(), timezone.now()
    by = factories.person("lena", "lead")
    first = questions.publish(tile, [ASKED], by=by, now=now, seen=0)
    second = questions.publish(tile, [], by=by, now=now, seen=1)
    assert (first.number, second.number, questions.current(tile)) == (1, 2, second)
    assert last("QuestionsPublished").payload["number"] == 2


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"slot": "a b"}, "no spaces"),
        ({"slot": "x" * 33}, "more than 32"),
        ({"text": " "}, "what thread asks"),
        ({"choices": ["yes"]}, "two choices or more"),
        ({"choices": ["yes", "yes"]}, "twice"),
        ({"choices": ["yes", " no"]}, "no space around"),
        ({"choices": ["a|b", "c"]}, "none of them"),
        ({"choices": ["", "c"]}, "1 to 64 letters"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(db, changed, sentence):
    with pytest.raises(Refused, match=sentence):
        questions.publish(factories.product(), [{**ASKED, **changed}], by=None, now=timezone.now())


def test_questions_have_a_slot_each_and_a_reason_to_be_published(db):
    tile, now = factories.product(), timezone.now()
    with pytest.raises(Refused, match="stands there twice"):
        questions.publish(tile, [ASKED, ASKED], by=None, now=now)
    questions.publish(tile, [ASKED], by=None, now=now)
    with pytest.raises(Refused, match="Nothing differs from version 1"):
        questions.publish(tile, [ASKED], by=None, now=now)
    with pytest.raises(changes.ChangedMeanwhile):
        questions.publish(tile, [], by=None, now=now, seen=0)


# --- stations ---


def test_a_station_that_has_drained_pauses_by_itself(station, deliver_all):
    factories.submission(station=station)
    actions.move_station(station, "DRAINING", by="ines", now=timezone.now())
    assert pause_drained(now=timezone.now()) == 0
    deliver_all()
    assert pause_drained(now=timezone.now()) == 1
    assert Station.objects.get().status == StationStatus.PAUSED
    assert [(v.by, v.steps[0].after) for v in versions_of(station)[:2]] == [
        ("andon", "Paused"),
        ("ines", "Draining"),
    ]


def test_a_paused_station_does_not_drain(station):
    actions.move_station(station, "PAUSED", by="ines", now=timezone.now())
    with pytest.raises(IllegalMove):
        actions.move_station(station, "DRAINING", by="ines", now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_pictures_come_in_while_somebody_edits_their_station(stub_artefact):
    """The lock of an editor is one that a picture's own rows pass."""
    factories.model(factories.product())
    cam, taken = actions.ensure_station("CAM-1"), []

    def send() -> None:
        try:
            taken.append(factories.submission(factories.product(), station=cam))
        finally:
            connection.close()

    with transaction.atomic():
        store(cam, {"name": "x"})
        actions.save_product(Product.objects.get(), {"name": "y"}, by=None, now=timezone.now())
        sender = threading.Thread(target=send)
        sender.start()
        sender.join(timeout=10)
        passed = bool(taken)
    sender.join()
    assert passed
