"""Label Studio's webhook: quick, for whoever knows the secret, and never believed."""

import json
import re
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from labeling.studio import SECRET_HEADER
from qms.events.models import Delivery, Event
from qms.labels import doorbell, rounds
from qms.labels.models import Desk, Ring
from tests.qms.labels.conftest import project

BELL = "/hooks/labelstudio/"


def post(body, **headers):
    shown = {SECRET_HEADER: settings.STUDIO_SECRET, **headers}
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    return Client().post(BELL, text, "application/json", headers=shown)


def body(**words):
    annotation = {"id": 7, "result": [], "task": 5, "project": 3}
    return {
        "action": "ANNOTATION_CREATED",
        "annotation": annotation,
        "task": {"id": 5, "data": {}},
        "project": {"id": 3, "title": "x"},
        **words,
    }


def test_it_keeps_where_to_look_and_tells_the_house(db):
    assert post(body()).status_code == 202
    ring = Ring.objects.get()
    assert (ring.action, ring.studio_project, ring.studio_task, ring.studio_annotation) == (
        "ANNOTATION_CREATED",
        3,
        5,
        7,
    )
    assert Event.objects.get(name="StudioRang").payload == {"ring_id": ring.pk}


def test_the_same_words_ring_once(db):
    assert [post(body()).status_code for _ in range(3)] == [202, 202, 202]
    assert Ring.objects.count() == Event.objects.filter(name="StudioRang").count() == 1


@pytest.mark.parametrize("secret", ["", "wrong", "ä"])
def test_whoever_does_not_know_the_secret_leaves_nothing_behind(db, secret):
    answer = post(body(), **{SECRET_HEADER: secret})
    assert answer.status_code == 403
    assert not Ring.objects.exists()
    assert not Event.objects.filter(name="StudioRang").exists()


def test_without_the_header_or_by_get_nobody_is_heard(db):
    assert Client().post(BELL, "{}", "application/json").status_code == 403
    assert Client().get(BELL).status_code == 405


def test_a_body_of_three_megabytes_is_answered_at_once(db):
    mask = {"id": "m1", "type": "brushlabels", "value": {"rle": [1, 255, 17] * 250_000}}
    large = json.dumps(body(annotation={"id": 7, "result": [mask], "task": 5, "project": 3}))
    assert len(large) > 3_000_000
    started = time.perf_counter()
    assert post(large).status_code == 202
    print(f"{len(large)} bytes in {1000 * (time.perf_counter() - started):.0f} ms")
    assert Ring.objects.get().studio_task == 5


def test_of_a_body_without_end_the_beginning_is_enough(db):
    large = json.dumps(body())[:-1] + ', "more": "' + "x" * (doorbell.MOST_BYTES + 10) + '"}'
    assert post(large).status_code == 202
    assert Ring.objects.get().studio_task == 5


@pytest.mark.parametrize("words", [b"", b"\xff\xfe\x00", b"[]", b'{"action": 1}', b"{" * 9999])
def test_what_makes_no_sense_still_rings(db, words):
    assert post(words).status_code == 202
    assert Ring.objects.get().studio_task is None


def test_numbers_that_cannot_be_are_not_kept(db):
    post({"action": "X", "task": {"id": 2**40}, "project": 0})
    ring = Ring.objects.get()
    assert (ring.studio_task, ring.studio_project) == (None, None)


@given(st.text())
def test_what_people_wrote_is_never_taken_for_a_number_of_ours(text):
    written = f'"task": {{"id": 666}} {text} "project": 666, "annotation": {{"id": 666}}'
    said = json.dumps({"action": "X", "annotation": {"note": written}, "task": {"id": 5}}).encode()
    assert doorbell._number(doorbell._TASK, said) == 5
    assert doorbell._number(doorbell._PROJECT, said) is None


# --- what follows ---


def test_the_bell_brings_what_was_said(studio, sent, ring):
    task = sent()
    studio.accept(task.studio_id)
    assert ring() == [202]
    task.refresh_from_db()
    assert (task.status, task.annotations.count()) == ("PULLED", 1)


def test_a_bell_that_lies_changes_nothing(studio, sent, deliver_all):
    task = sent()
    post(body(task={"id": task.studio_id}, project={"id": project().studio_id}))
    deliver_all()
    task.refresh_from_db()
    assert (task.status, task.annotations.count()) == ("OPEN", 0)


def test_a_bell_that_nobody_heard_is_made_good_by_the_round(studio, sent, deliver_all):
    task, other = sent(), sent(seed=1)
    studio.accept(task.studio_id)
    studio.there.rung.clear()
    rounds.call_round(now=timezone.now())
    deliver_all()
    task.refresh_from_db()
    other.refresh_from_db()
    assert (task.status, other.status) == ("PULLED", "OPEN")


def test_a_bell_while_label_studio_is_down_is_made_good_as_well(studio, sent, ring, deliver_all):
    task = sent()
    studio.accept(task.studio_id)
    studio.go_down()
    assert ring() == [202]
    task.refresh_from_db()
    assert (task.status, task.unread) == ("OPEN", True)
    assert "does not answer" in Desk.objects.get().error
    assert not Delivery.objects.filter(done_at=None).exists()
    studio.come_back()
    rounds.call_round(now=timezone.now())
    deliver_all()
    task.refresh_from_db()
    assert (task.status, task.unread, Desk.objects.get().error) == ("PULLED", False, "")


# --- the round ---


def test_a_round_is_called_once_in_its_time_and_one_at_a_time(studio, db, deliver_all):
    now = timezone.now()
    after = now + timedelta(seconds=settings.STUDIO_ROUND_SECONDS + 1)
    assert [rounds.call_round(now=now) for _ in range(3)] == [True, False, False]
    assert not rounds.call_round(now=after)  # the first one is still under way
    deliver_all()
    assert rounds.call_round(now=after + (after - now))
    assert Event.objects.filter(name="StudioRoundDue").count() == 2


def test_without_a_desk_no_round_is_called(db, settings):
    settings.STUDIO_TOKEN = ""
    assert not rounds.call_round(now=timezone.now())
    assert not Event.objects.filter(name="StudioRoundDue").exists()


def test_the_secret_is_the_same_after_each_start():
    assert re.fullmatch(r"[0-9a-f]{64}", settings.STUDIO_SECRET)
