"""What a good part looks like: from a file or from an inspection, one for each view."""

import io

import pytest
from django.utils import timezone
from PIL import Image

from qms import storage
from qms.events.models import Event
from qms.inspections import golden, judge
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import GoldenPicture
from tests import factories
from tests.factories import picture


@pytest.fixture
def lead(db):
    return factories.person("lea", "lead")


@pytest.fixture
def tile(db):
    return factories.product("tile")


def add(product, by, data: bytes, view: str = "") -> GoldenPicture:
    return golden.add(product, data, view=view, by=by, now=timezone.now())


def test_a_newer_one_takes_the_place_of_its_view(tile, lead):
    first = add(tile, lead, picture(seed=1))
    back = add(tile, lead, picture(seed=2), "back")
    second = add(tile, lead, picture(seed=3))
    present = GoldenPicture.objects.filter(retired_at=None)
    assert set(present) == {back, second}
    assert GoldenPicture.objects.get(pk=first.pk).retired_at == second.added_at
    assert storage.exists(first.key)  # a verdict may have been given beside it
    assert Event.objects.filter(name="GoldenPictureAdded").count() == 3


def test_it_is_kept_upright_and_without_metadata(tile, lead):
    sideways = Image.new("RGB", (80, 40), "grey")
    exif = sideways.getexif()
    exif[274], exif[271] = 6, "Secret camera"
    out = io.BytesIO()
    sideways.save(out, "JPEG", exif=exif)
    kept = add(tile, lead, out.getvalue())
    assert (kept.width, kept.height) == (40, 80)
    stored = storage.read(kept.key)
    assert b"Secret camera" not in stored
    with Image.open(io.BytesIO(stored)) as image:
        assert image.size == (40, 80)


def test_the_golden_one_again_changes_nothing(tile, lead):
    assert add(tile, lead, picture()) == add(tile, lead, picture())
    assert GoldenPicture.objects.count() == 1


def test_what_is_no_picture_is_refused_and_leaves_no_file(tile, lead):
    with pytest.raises(judge.BadPicture):
        add(tile, lead, b"%PDF-1.7")
    assert storage.names_below("golden") == []


def test_a_good_part_becomes_golden_and_a_bad_one_does_not(tile, lead, deliver_all):
    good, bad = (factories.submission(tile, b, seed=b) for b in (factories.NORMAL, 200))
    deliver_all()
    good, bad = (Inspection.objects.get(pk=one.pk) for one in (good, bad))
    kept = golden.add_inspected(good, by=lead, now=timezone.now())
    assert (kept.product, kept.added_by) == (tile, lead)
    with pytest.raises(Refused, match="Only a part that is OK"):
        golden.add_inspected(bad, by=lead, now=timezone.now())


def test_a_golden_picture_retires_once(tile, lead):
    kept = add(tile, lead, picture())
    plant.retire_golden_picture(kept, by=lead, now=timezone.now())
    with pytest.raises(Refused, match="retired already"):
        plant.retire_golden_picture(kept, by=lead, now=timezone.now())
