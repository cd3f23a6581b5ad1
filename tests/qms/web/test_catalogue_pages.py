"""A catalogue through the browser and through the API: looked at, brought in, taken out."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from qms.accounts.models import Scope
from qms.plant import actions
from qms.plant.models import Line, Product, Site, Station
from tests import factories

CATALOGUE = {"andon_catalogue": 1, "sites": [{"code": "ulm", "lines": [{"code": "1"}]}]}


@pytest.fixture
def station(db: None) -> Station:
    return actions.ensure_station("CAM-1")


@pytest.fixture
def tile(db: None) -> Product:
    return factories.product("tile", "scratch", "dent")


def said(answer: Any) -> str:
    return str(answer.content.decode())


def upload(client: Client, data: bytes, name: str = "plant.json") -> Any:
    return client.post(reverse("plant-import"), {"file": SimpleUploadedFile(name, data)})


def test_an_import_is_looked_at_and_then_done(sign_in):
    client = sign_in("lead")
    look = upload(client, json.dumps(CATALOGUE).encode())
    assert "Nothing is stored yet" in said(look)
    assert not Site.objects.exists()
    answer = client.post(reverse("plant-bring-in"), {"kept": look.context["kept"]}, follow=True)
    assert "plant.json is in: 2 added" in said(answer)
    assert Line.objects.get().site.code == "ulm"


def test_lines_of_a_text_come_in_as_they_were_looked_at(sign_in):
    client = sign_in("lead")
    look = upload(client, b'kind,of,code,name\nsite,,a,"two\nlines"\n', "plant.csv")
    client.post(reverse("plant-bring-in"), {"kept": look.context["kept"]})
    assert Site.objects.get().name == "two\nlines"


def test_a_bad_file_shows_its_lines_and_cannot_be_brought_in(sign_in):
    look = upload(sign_in("lead"), b"kind,code\nsite,a b\nboat,x\n", "plant.csv")
    assert "no spaces" in said(look)
    assert "no kind &#x27;boat&#x27;" in said(look)
    assert not look.context["kept"]


def test_a_file_that_nobody_looked_at_is_not_brought_in(sign_in):
    client = sign_in("lead")
    answer = client.post(reverse("plant-bring-in"), {"kept": "made:up"}, follow=True)
    assert "Look at the file again" in said(answer)


def test_an_empty_file_is_told(sign_in):
    assert "0 bytes" in said(upload(sign_in("lead"), b""))


def test_the_export_says_that_nothing_would_change(sign_in, station, tile):
    client = sign_in("manager")
    for kind in ("json", "csv"):
        answer = client.get(reverse("plant-export", args=[kind]))
        assert f'filename="catalogue.{kind}"' in answer["Content-Disposition"]
        assert "Nothing would change" in said(upload(client, answer.content, f"c.{kind}"))


# --- the API ---


def bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {factories.key(*scopes)}"}


def test_a_machine_reads_products_and_stations(station, tile):
    products = Client().get(reverse("api-products"), headers=bearer(Scope.READ)).json()
    assert products[0]["code"] == "tile"
    assert products[0]["recipe"] == 1
    assert [one["code"] for one in products[0]["defect_types"]] == ["dent", "scratch"]
    (found,) = Client().get(reverse("api-stations"), headers=bearer(Scope.READ)).json()
    assert (found["code"], found["site"], found["line"]) == ("CAM-1", "main", "1")
    assert found["status"] == "RUNNING"


def test_a_machine_brings_in_a_catalogue_with_the_scope_admin_alone(db):
    def send(scope: str, **more: str) -> Any:
        file = SimpleUploadedFile("plant.json", json.dumps(CATALOGUE).encode())
        words = {"file": file, **more}
        return Client().post(reverse("api-catalogue"), words, headers=bearer(scope))

    assert send(Scope.READ).status_code == 403
    assert send(Scope.ADMIN, dry_run="true").json()["added"] == 2
    assert not Site.objects.exists()
    assert send(Scope.ADMIN).json()["outcomes"][1]["code"] == "ulm/1"
    assert Site.objects.exists()


def test_a_bad_catalogue_through_the_api_is_a_sentence(db):
    words = {"file": SimpleUploadedFile("plant.csv", b"kind,code\nboat,x\n")}
    answer = Client().post(reverse("api-catalogue"), words, headers=bearer(Scope.ADMIN))
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Line 2: There is no kind 'boat'")
