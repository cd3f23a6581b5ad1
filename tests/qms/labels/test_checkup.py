"""What is wrong between Andon and Label Studio is said in words, with what to do."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from qms.labels.checkup import Check, checks
from qms.labels.models import LabelTask
from tests.fakedesk import Rung
from tests.fakes import FakeStudio
from tests.qms.labels.conftest import project

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(studio: FakeStudio) -> FakeStudio:
    """Its ring arrives."""

    def bell(rung: Rung) -> None:
        Client().post(rung.url, rung.body, "application/json", headers=rung.headers)

    studio.there.bell = bell
    return studio


def by_name() -> dict[str, Check]:
    return {one.name.split(" ")[0]: one for one in checks()}


def wrong() -> list[Check]:
    return [one for one in checks() if one.ok is False]


def test_without_a_token_it_says_how_to_get_one(settings):
    settings.STUDIO_TOKEN = ""
    [check] = checks()
    assert check.ok is False and "make labelstudio" in check.do


def test_before_anything_was_sent_all_is_well_and_the_rest_is_for_later(studio):
    found = by_name()
    assert [name for name, one in found.items() if one.ok] == [
        "Address",
        "Token",
        "Version",
        "Clock",
    ]
    assert found["Projects"].ok is None


def test_where_all_is_well_each_line_says_so(heard, sent):
    sent()
    found = by_name()
    assert list(found) == [
        "Address",
        "Token",
        "Version",
        "Clock",
        "Project",
        "Doorbell",
        "Pictures",
    ]
    assert [one for one in found.values() if not one.ok or one.do] == []
    assert "legacy token of andon@example.com" in found["Token"].says
    assert "http://localhost:8000/hooks/labelstudio/" in found["Doorbell"].says


def test_it_can_be_asked_again_and_again(heard, sent):
    sent()
    assert wrong() == wrong() == []


def test_one_that_is_down_is_told_and_nothing_more_is_asked(studio):
    studio.go_down()
    [check] = checks()
    assert check.name == "Address" and "does not answer" in check.says
    assert "make labelstudio" in check.do and "STUDIO_URL" in check.do


def test_a_revoked_token_is_told_and_nothing_more_is_asked(studio):
    studio.revoke()
    address, token = checks()
    assert address.ok and token.ok is False
    assert "STUDIO_TOKEN" in token.do


def test_a_clock_that_is_wrong_is_told_with_how_much(studio):
    studio.there.behind = timedelta(minutes=2)
    [check] = wrong()
    assert check.name == "Clock" and "120 seconds behind" in check.says.replace("121", "120")


def test_a_label_that_was_renamed_there_is_told_by_its_name(heard, sent):
    task = sent()
    assert task.project
    studio_id = task.project.studio_id
    old = heard.there.projects[studio_id]["label_config"].split('Label value="')[1].split('"')[0]
    heard.rename_label(studio_id, old, "another")
    [check] = wrong()
    assert check.name.startswith("Project") and "another" in check.says and old in check.says


def test_a_project_that_was_deleted_there_is_told(heard, sent):
    sent()
    heard.delete_project(project().studio_id)
    assert "deleted in Label Studio" in by_name()["Project"].says


@pytest.mark.parametrize(
    ("address", "says", "do"),
    [
        ("http://169.254.1.1", "reserved network", "BANNED_SUBNETS"),
        ("http://web:8000", "valid URL", "PUBLIC_URL"),
    ],
)
def test_a_bell_that_label_studio_may_not_ring_is_told(heard, sent, settings, address, says, do):
    sent()
    settings.PUBLIC_URL = address
    check = by_name()["Doorbell"]
    assert check.ok is False and says in check.says and do in check.do


def test_a_ring_that_does_not_arrive_is_told(studio, sent, settings):
    sent()
    settings.STUDIO_SECRET = "of another house"
    check = by_name()["Doorbell"]
    assert check.ok is False and "no ring came" in check.says and "PUBLIC_URL" in check.do


def test_pictures_that_cannot_be_opened_are_told(heard, sent):
    sent()
    heard.there.storages.clear()
    [check] = wrong()
    assert check.name == "Pictures" and "STUDIO_FILES" in check.do


def test_the_command_says_it_line_by_line_and_by_its_status(heard, sent):
    sent()
    assert said() == (0, said()[1])
    assert "ok     Doorbell: Label Studio rings at" in said()[1]
    heard.there.storages.clear()
    status, text = said()
    assert status == 1
    assert "WRONG  Pictures: " in text and "       -> Both must see" in text


def test_the_command_says_it_for_machines_as_well(heard, sent):
    sent()
    _, text = said("--json")
    assert {one["name"]: one["ok"] for one in json.loads(text)}["Doorbell"] is True


def said(*words: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("labelstudio_check", *words, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_real_label_studio_passes_every_check(
    studio_server, live_server, settings, judged: Callable
):
    """It rings a real door, and shows a picture that was sent to us."""
    settings.STUDIO_URL, settings.STUDIO_TOKEN = studio_server.url, studio_server.token
    settings.STUDIO_FILES, settings.PUBLIC_URL = "local", live_server.url
    settings.MEDIA_ROOT = studio_server.files
    task = LabelTask.objects.get(inspection=judged())
    assert task.status == "OPEN", task.error
    found = checks()
    assert [one for one in found if one.ok is not True] == []
    assert [one.name.split(" ")[0] for one in found][-3:] == ["Project", "Doorbell", "Pictures"]
