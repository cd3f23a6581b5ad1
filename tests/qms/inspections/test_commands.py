"""enrol, inspect, watch, issue_key: what they say when something is wrong, and what they do."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from qms.accounts import keys
from qms.inspections.models import Inspection
from qms.plant.models import DefectType, Product
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import picture


@pytest.fixture
def normals(tmp_path, settings):
    settings.ARTEFACTS = tmp_path / "artefacts"
    folder = tmp_path / "parts"
    (folder / "train" / "good").mkdir(parents=True)
    (folder / "test" / "deep_scratch").mkdir(parents=True)
    for n in range(24):
        (folder / "train" / "good" / f"{n}.png").write_bytes(picture(20 + n % 5, seed=n))
    (folder / "test" / "deep_scratch" / "0.png").write_bytes(picture(200))
    return folder


def run(*words, **options) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_enrol_makes_the_product_its_defect_types_and_an_active_model(db, normals):
    said = run("enrol", "TILE-1", normals, detector="stub", mm_per_px=0.1)
    version = ModelVersion.objects.get()
    assert (version.status, version.detector) == ("ACTIVE", "stub")
    assert "held-out normals" in version.promise
    assert version.promise in said
    assert DefectType.objects.get().name == "Deep scratch"
    assert Recipe.objects.latest("number").mm_per_px == 0.1


def test_enrolling_again_retires_the_model_before(db, normals):
    run("enrol", "TILE-1", normals, detector="stub")
    run("enrol", "TILE-1", normals, detector="stub")
    states = ModelVersion.objects.order_by("number").values_list("status", flat=True)
    assert list(states) == ["RETIRED", "ACTIVE"]


def test_a_candidate_judges_nothing_yet(db, normals):
    run("enrol", "TILE-1", normals, detector="stub", candidate=True)
    assert ModelVersion.objects.get().status == "CANDIDATE"


@pytest.mark.parametrize(
    ("words", "options", "says"),
    [
        (["enrol", "TILE-1", "/nowhere"], {}, "no folder"),
        (["enrol", "TILE 1", "NORMALS"], {"detector": "stub"}, "no spaces"),
        (["enrol", "TILE-1", "NORMALS"], {"detector": "magic"}, "no detector"),
        (["enrol", "TILE-1", "NORMALS"], {"backbone": "magic"}, "no backbone"),
        (["inspect", "TILE-1", "NORMALS"], {}, "There is no product TILE-1"),
        (["inspect", "tile", "/nowhere"], {}, "no file or folder"),
        (["inspect", "tile", "NORMALS"], {"station": "X"}, "There is no station X"),
        (["inspect", "tile", "NORMALS"], {}, "no active model"),
        (["watch", "TILE-1", "NORMALS"], {}, "does not exist"),
        (["watch", "tile", "/nowhere"], {}, "no folder"),
        (["watch", "tile", "NORMALS"], {"serial": "("}, "no regular expression"),
        (["watch", "tile", "NORMALS"], {}, "no active model"),
        (["watch", "tile", "NORMALS"], {"every": -1.0}, "--every"),
        (["issue_key", "camera"], {"scopes": "everything"}, "ingest, read, admin"),
        (["issue_key", "x" * 100], {}, "1 to 64 letters"),
        (["enrol", "x" * 100, "NORMALS"], {"detector": "stub"}, "at most 64"),
        (["enrol", "TILE-1", "NORMALS"], {"detector": "stub", "mm_per_px": -1.0}, "--mm-per-px"),
        (["enrol", "TILE-1", "NORMALS"], {"mm_per_px": float("nan")}, "--mm-per-px"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(db, normals, words, options, says):
    factories.product("tile")
    factories.administrator()
    words = [str(normals) if word == "NORMALS" else word for word in words]
    with pytest.raises(CommandError, match=says):
        run(*words, **options)
    assert not Inspection.objects.exists()
    assert not Product.objects.filter(models__status="ACTIVE").exists()


def test_a_failed_enrol_leaves_nothing_behind(db, tmp_path, settings):
    settings.ARTEFACTS = tmp_path / "artefacts"
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "0.png").write_bytes(picture())
    with pytest.raises(CommandError):
        run("enrol", "TILE-1", tmp_path / "one", detector="memory")
    assert not Product.objects.exists()
    assert not Recipe.objects.exists()


def test_watch_says_that_a_file_stands_where_its_folder_should(db, tmp_path):
    factories.model(factories.product("tile"))
    (tmp_path / "failed").write_text("in the way")
    with pytest.raises(CommandError, match="must be a folder"):
        run("watch", "tile", tmp_path)


def test_a_lot_that_is_too_long_is_said_in_one_sentence(db, tmp_path):
    factories.model(factories.product("tile"))
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(CommandError, match="lot has 100 letters"):
        run("inspect", "tile", tmp_path / "a.png", lot="x" * 100)


def test_a_folder_that_is_named_like_a_picture_is_no_picture(db, tmp_path):
    factories.model(factories.product("tile"))
    (tmp_path / "sub.png").mkdir()
    with pytest.raises(CommandError, match="no picture"):
        run("inspect", "tile", tmp_path)


def test_issue_key_shows_a_key_that_opens(db):
    from django.utils import timezone

    factories.administrator()
    text = run("issue_key", "camera", scopes="ingest").strip()
    key = keys.find(text, now=timezone.now())
    assert key is not None
    assert (key.name, key.scopes) == ("camera", ["ingest"])
    assert text not in str(vars(key))


def test_issue_key_without_an_administrator_says_what_to_do(db):
    with pytest.raises(CommandError, match="make run"):
        run("issue_key", "camera")
