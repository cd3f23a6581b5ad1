"""Labels out of the house and into it, by the browser."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from qms import storage
from qms.inspections.models import Inspection
from qms.labels import exchange_kept
from qms.labels.models import Annotation
from tests import factories
from tests.labeling.exchange.pictures import labelled, region, zip_of
from tests.qms.labels.exchange_fixtures import brought_in, coco_zip, tile


@pytest.fixture
def product(db):
    return tile()


def said(answer):
    return answer.content.decode()


def unzipped(answer):
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def upload(client, file, product="tile", **words):
    data = SimpleUploadedFile("labels.zip", file.getvalue())
    return client.post(reverse("label-import"), {"product": product, "file": data, **words})


def test_the_export_tells_what_it_holds_and_streams_each_format(sign_in, product):
    brought_in(coco_zip(labelled(region(), seed=1), labelled(seed=2)), product)
    factories.submission(product)
    client = sign_in("auditor")
    page = said(client.get(reverse("label-export")))
    assert "<strong>2</strong> labelled pictures" in page
    assert "<strong>1</strong> never labelled" in page
    assert reverse("label-import") not in page
    for to in ("coco", "mvtec", "yolo", "ddqa"):
        answer = client.get(reverse("label-export-zip"), {"product": "tile", "as": to})
        assert f"andon-tile-{to}-" in answer["Content-Disposition"]
        told = json.loads(unzipped(answer)["manifest.json"])
        assert (told["format"], told["by"], told["pictures"]) == (to, "auditor", 2)


def test_the_days_are_those_on_which_pictures_came(sign_in, product):
    brought_in(coco_zip(labelled(region(), seed=1)), product)
    client, day = sign_in("ml"), timezone.localdate()
    for first, held in ((day, 1), (day + timedelta(days=1), 0)):
        asked = {"product": "tile", "from": f"{first:%Y-%m-%d}"}
        answer = client.get(reverse("label-export-zip"), asked)
        assert json.loads(unzipped(answer)["manifest.json"])["pictures"] == held
    later = {"from": f"{day + timedelta(days=1):%Y-%m-%d}"}
    assert "no picture was received" in said(client.get(reverse("label-export"), later))


def test_bad_days_are_told_in_a_sentence(sign_in, product):
    client = sign_in("manager")
    asked = {"from": "2026-05-02", "to": "2026-05-01"}
    assert "turn them round" in said(client.get(reverse("label-export"), asked))
    answer = client.get(reverse("label-export-zip"), asked, follow=True)
    assert "turn them round" in said(answer)
    answer = client.get(reverse("label-export-zip"), {"as": "tiff"}, follow=True)
    assert "tiff is not one of the available choices" in said(answer)


def test_empty_pages_say_the_next_step(sign_in):
    client = sign_in("manager")
    assert "No product yet" in said(client.get(reverse("label-export")))
    assert "No product yet" in said(client.get(reverse("label-import")))
    answer = client.get(reverse("label-export-zip"), follow=True)
    assert "There is no product yet" in said(answer)
    factories.product("tile")
    assert "Nothing is labelled yet" in said(client.get(reverse("label-export")))


def test_a_file_is_looked_at_and_then_brought_in(sign_in, product):
    client = sign_in("ml")
    file = coco_zip(labelled(region(), seed=1, person=""), labelled(seed=2, width=9))
    look = upload(client, file)
    assert "<strong>1</strong> new picture ·" in said(look)
    assert "part 2.png" in said(look)
    assert not Inspection.objects.exists()
    address = reverse("label-bring-in")
    answer = client.post(address, {"kept": look.context["kept"]}, follow=True)
    assert "1 new pictures, 1 new annotations. 1 could not come in" in said(answer)
    assert str(Annotation.objects.get().person) == "ml"
    assert storage.names("imports") == []
    again = client.post(address, {"kept": look.context["kept"]}, follow=True)
    assert "no longer kept" in said(again)
    assert "Nothing would come in" in said(upload(client, file))
    assert storage.names("imports") == []


def test_unknown_types_are_told_and_made_if_that_is_asked(sign_in, db):
    factories.model(factories.product("bare", "dent"))
    client = sign_in("admin")
    file = coco_zip(labelled(region(), seed=1))
    assert "no defect type scratch" in said(upload(client, file, "bare"))
    look = upload(client, file, "bare", add_types="on")
    assert "Defect types to add: scratch" in said(look)


def test_what_is_no_such_zip_is_told(sign_in, product):
    client = sign_in("manager")
    assert "not a zip" in said(upload(client, io.BytesIO(b"nothing")))
    assert "0 bytes" in said(upload(client, io.BytesIO(b"")))
    assert "names must lie inside" in said(upload(client, zip_of({"../../etc/x": b"x"})))
    answer = client.post(reverse("label-bring-in"), {"kept": "made:up"}, follow=True)
    assert "Look at the file again" in said(answer)


def test_files_that_nobody_came_back_for_are_dropped(db):
    now = timezone.now()
    old = exchange_kept.keep(SimpleUploadedFile("a.zip", b"x"), now=now - timedelta(days=2))
    new = exchange_kept.keep(SimpleUploadedFile("a.zip", b"y"), now=now)
    assert not storage.exists(old)
    assert exchange_kept.opened(new).read() == b"y"
