"""A whole catalogue in: looked at first, then all of it or nothing."""

import io
import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from qms.events.models import Event
from qms.lifecycle import Refused
from qms.plant import catalogue_export, questions
from qms.plant.catalogue_csv import to_csv
from qms.plant.catalogue_import import Plan, bring_in, dry_run
from qms.plant.catalogue_json import to_json
from qms.plant.models import DefectType, Line, Product, Site, Station
from qms.plant.recipes import Recipe
from tests import factories

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[3] / "docs/catalogue.md"


def example(kind: str) -> bytes:
    (text,) = re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    return text.encode()


def catalogue(**parts: object) -> bytes:
    return json.dumps({"andon_catalogue": 1, **parts}).encode()


def look(data: bytes, name: str = "c.json") -> Plan:
    return dry_run(name, data, by=None, now=timezone.now())


def store(data: bytes, name: str = "c.json", **more: object) -> Plan:
    return bring_in(name, data, by=more.pop("by", None), now=timezone.now(), **more)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_example_of_the_documentation_is_a_plant(kind):
    plan = store(example(kind), f"c.{kind}")
    assert (plan.added, plan.changed, plan.unchanged) == (8, 0, 0)
    station = Station.objects.get()
    assert (str(station.line), station.takt_seconds) == ("ulm/1", 4.5)
    hole, scratch = DefectType.objects.all()
    assert (hole.name, hole.severity, hole.raises_after) == ("Missing hole", "CRITICAL", 1)
    assert (str(scratch), scratch.colour != hole.colour) == ("Kratzer", True)
    asked = questions.current(Product.objects.get())
    assert [one["choices"] for one in asked.questions] == [["yes", "no"], []]
    assert Recipe.objects.get().number == 1


def test_both_examples_are_the_same_plant():
    store(example("json"))
    plan = look(example("csv"), "c.csv")
    assert (plan.problems, plan.unchanged) == ([], 8)


@pytest.mark.parametrize(("kind", "written"), [("json", to_json), ("csv", to_csv)])
def test_what_was_exported_changes_nothing_when_it_comes_back(kind, written):
    store(example("json"))
    factories.product("tile", "dent")
    out = written(list(catalogue_export.rows())).encode()
    plan = store(out, f"c.{kind}")
    assert (plan.problems, plan.added, plan.changed, plan.unchanged) == ([], 0, 0, 10)
    assert written(list(catalogue_export.rows())).encode() == out


def test_a_look_changes_nothing():
    plan = look(example("json"))
    assert plan.added == 8
    assert not Site.objects.exists()
    assert not Event.objects.exists()


def test_a_change_is_told_with_what_was_and_is():
    store(example("json"))
    plan = look(catalogue(products=[{"code": "FLANGE-40", "revision": "D"}]))
    (told,) = plan.outcomes
    assert (told.what, told.fields) == ("changed", {"revision": ["C", "D"]})


def test_what_the_file_does_not_name_stays():
    store(example("json"))
    store(catalogue(sites=[{"code": "ulm", "name": "Ulm"}]))
    site = Site.objects.get()
    assert (site.name, site.time_zone, site.lines.count()) == ("Ulm", "Europe/Berlin", 1)


def test_a_station_under_another_line_moves_there():
    store(example("json"))
    lines = [{"code": "2", "stations": [{"code": "ULM-1-CAM-1"}]}]
    store(catalogue(sites=[{"code": "ulm", "lines": lines}]))
    assert (str(Station.objects.get().line), Line.objects.count()) == ("ulm/2", 2)


def test_with_one_thing_wrong_nothing_is_stored_and_all_is_told():
    rows = b"kind,of,code,takt_seconds,colour\nsite,,ulm,,\nline,ulm,1,,\n"
    rows += b"station,ulm/1,C 9,,\nproduct,,P,,\ndefect_type,P,x,,red\nsite,,b,four,\n"
    plan = look(rows, "c.csv")
    assert [problem.line for problem in plan.problems] == [4, 6, 7]
    with pytest.raises(Refused, match=r"^Line 4: .* 2 more problems. Nothing was stored"):
        store(rows, "c.csv")
    assert not Site.objects.exists()


def test_what_a_row_is_in_must_be_there():
    (problem,) = look(b"kind,of,code\nline,nowhere,1\n", "c.csv").problems
    assert (problem.line, problem.sentence[:24]) == (2, "There is no site nowhere")


def test_a_row_whose_holder_was_not_understood_is_not_told_of_twice():
    lines = [{"code": "1", "stations": [{"code": "C"}]}]
    plan = look(catalogue(sites=[{"code": "u lm", "lines": lines}]))
    assert len(plan.problems) == 1


def test_questions_of_the_file_take_the_place_of_those_before():
    store(example("json"))
    asked = [{"slot": "surface", "text": "How is it?"}]
    plan = store(catalogue(products=[{"code": "FLANGE-40", "questions": asked}]))
    told = {(one.code, one.what) for one in plan.outcomes}
    assert ("FLANGE-40/thread", "removed") in told
    assert ("FLANGE-40/surface", "changed") in told
    found = questions.current(Product.objects.get())
    assert (found.number, [one["slot"] for one in found.questions]) == (2, ["surface"])


def test_another_order_of_the_questions_is_a_change():
    store(example("json"))
    held = json.loads(example("json"))
    held["products"][0]["questions"].reverse()
    plan = store(json.dumps(held).encode())
    assert (plan.changed, questions.current(Product.objects.get()).number) == (1, 2)


def test_who_agreed_to_another_plan_is_asked_again():
    plan = look(example("json"))
    store(catalogue(sites=[{"code": "ulm"}]))
    with pytest.raises(Refused, match="changed since you looked"):
        store(example("json"), agreed=plan.digest)
    assert not Product.objects.exists()


def test_an_import_is_an_event_beside_each_change():
    store(example("json"), by=factories.person("lena", "lead"))
    event = Event.objects.get(name="CatalogueImported")
    assert (event.actor, event.payload["added"]) == ("lena", 8)
    assert Event.objects.filter(name="PlantChanged", actor="lena").count() == 6


def test_what_changes_nothing_is_no_event():
    store(example("json"))
    before = Event.objects.count()
    store(example("json"))
    assert Event.objects.count() == before


# --- the command ---


def command(path: Path, *more: str) -> str:
    out = io.StringIO()
    call_command("import_catalogue", str(path), *more, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plant.json"
    path.write_bytes(example("json"))
    return path


def test_the_command_says_first_and_then_does(file):
    assert "Would be 8 added" in command(file, "--dry-run")
    assert not Site.objects.exists()
    assert "Done: 8 added, 0 changed, 0 unchanged." in command(file)
    assert Station.objects.exists()


def test_the_command_tells_each_problem_with_its_line(file):
    file.write_text('{"andon_catalogue": 1,\n"sites": [{"code": "a b"},\n{"code": ""}]}')
    with pytest.raises(CommandError, match=r"line 2: .*spaces.*\nline 3: A site has a code"):
        command(file)


def test_the_command_says_what_cannot_be_read(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        command(tmp_path / "nothing.json")
