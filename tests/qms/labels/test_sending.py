"""What is wanted reaches Label Studio once, whatever happens on the way."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from labeling.studio import StudioRefused
from qms.events import courier
from qms.events.models import Delivery
from qms.labels import actions, handlers, leases, push, rounds, schema
from qms.labels.models import Desk, LabelTask, Reason, StudioProject
from qms.plant import questions
from qms.plant.models import DefectType
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import DEFECT, UNCLEAR, person, product
from tests.fakes import FakeStudio
from tests.qms.labels.conftest import project


def later(minutes: int = 10) -> None:
    """Let what was put off be due."""
    LabelTask.objects.filter(status="WANTED").update(
        next_try_at=timezone.now() - timedelta(minutes=minutes)
    )


def a_round_later(deliver_all) -> None:
    later()
    Desk.objects.update(next_round_at=None)
    assert rounds.call_round(now=timezone.now())
    deliver_all()


def inspections_in(studio: FakeStudio) -> list[str]:
    return sorted(one["data"]["inspection_id"] for one in studio.there.tasks.values())


# --- the way ---


def test_an_uncertain_picture_lies_before_the_annotators(studio, sent):
    task = sent()
    there = studio.there.tasks[task.studio_id]
    assert there["data"]["inspection_id"] == str(task.inspection_id)
    assert there["data"]["link"].endswith(f"/inspections/{task.inspection_id}/")
    assert there["data"]["image"].startswith("/data/local-files/?d=pictures/")
    assert studio.predictions(task.studio_id)[0]["model_version"] == "tile model 1"
    assert task.proposed["evaluation"] == "NOT_DECIDABLE"


def test_what_the_model_marked_lies_there_as_masks(studio, sent, judged, deliver_all):
    inspection = judged(DEFECT)
    actions.want(inspection, reason=Reason.ASKED, why="see", now=timezone.now())
    deliver_all()
    task = LabelTask.objects.get(inspection=inspection)
    (prediction,) = studio.predictions(task.studio_id)
    masks = [one for one in prediction["result"] if one["type"] == "brushlabels"]
    assert [one["id"] for one in masks] == list(task.proposed["regions"]) == ["f1"]


def test_its_project_is_made_once_with_pictures_and_a_bell(studio, sent):
    sent(), sent(seed=1)
    assert studio.there.calls["create_project"] == 1
    number = project().studio_id
    assert studio.there.storages[number]
    assert studio.webhooks(number)[0]["url"] == "http://localhost:8000/hooks/labelstudio/"


def test_a_project_whose_making_nobody_heard_of_is_found_again(studio, judged, deliver_all):
    studio.lose_answers("create_project")
    judged()
    assert StudioProject.objects.get().studio_id is None
    later()
    push.send_waiting()
    assert len(studio.there.projects) == 1
    assert LabelTask.objects.get().status == "OPEN"


def test_without_a_bell_all_goes_on_and_the_project_says_so(studio, judged, settings):
    settings.PUBLIC_URL = "http://andon:8000"  # no dot: Label Studio takes it for no address
    judged()
    assert LabelTask.objects.get().status == "OPEN"
    assert "does not ring here" in project().drift[0]


def test_without_a_desk_what_is_wanted_waits(judged):
    judged()
    assert LabelTask.objects.get().status == "WANTED"
    assert not Desk.objects.exists()


def test_the_most_urgent_are_served_first(studio, sent, judged, deliver_all):
    uncertain, inspection = sent(), judged(DEFECT)
    actions.want(inspection, reason=Reason.ASKED, why="see", now=timezone.now())
    deliver_all()
    asked = LabelTask.objects.get(inspection=inspection)
    scores = [studio.predictions(t.studio_id)[0]["score"] for t in (asked, uncertain)]
    assert scores[0] < scores[1]  # Label Studio serves the lowest first


# --- another screen, another model ---


def test_another_schema_is_another_project_and_what_waits_goes_there(studio, sent, judged):
    first = sent()
    studio.go_down()
    waiting = LabelTask.objects.get(inspection=judged(seed=1))
    DefectType.objects.filter(code="dent").update(active=False)
    asked = [{"slot": "place", "text": "Where is it?", "choices": []}]
    questions.publish(product(), asked, by=None, now=timezone.now())
    studio.come_back()
    later()
    push.send_waiting()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.project.number, first.project.number) == ("OPEN", 2, 1)
    assert schema.schema_in(waiting.project).questions[0].text == "Where is it?"


def test_a_schema_that_comes_back_finds_its_project_again(studio, sent):
    sent()
    DefectType.objects.filter(code="dent").update(active=False)
    sent(seed=1)
    DefectType.objects.filter(code="dent").update(active=True)
    assert sent(seed=2).project.number == 1


def test_the_version_that_is_shown_follows_promotion_and_nothing_lies_there_bare(
    studio, sent, deliver_all
):
    task = sent()
    factories.model(product())
    deliver_all()
    newest = str(ModelVersion.objects.get(status="ACTIVE"))
    number = project().studio_id
    assert newest == "tile model 2" == studio.project(number).model_version
    assert [one["model_version"] for one in studio.predictions(task.studio_id)] == [newest]


def test_a_promotion_that_label_studio_did_not_hear_of_is_told_by_the_round(
    studio, sent, deliver_all
):
    task = sent()
    studio.go_down()
    factories.model(product())
    deliver_all()
    studio.come_back()
    assert rounds.go() == ""
    assert studio.project(project().studio_id).model_version == "tile model 2"
    assert studio.predictions(task.studio_id)[0]["model_version"] == "tile model 2"


# --- faults ---


def test_after_an_hour_of_silence_all_200_cases_are_there_and_none_twice(
    studio, judged, deliver_all
):
    studio.go_down()
    for _ in range(200):
        factories.submission(brightness=UNCLEAR)
    deliver_all()
    tasks = LabelTask.objects.all()
    assert [(t.status, "does not answer" in t.error) for t in tasks] == [("WANTED", True)] * 200
    assert "does not answer" in Desk.objects.get().error
    for _ in range(30):  # an hour
        a_round_later(deliver_all)
    assert not Delivery.objects.filter(dead_at__isnull=False).exists()
    assert tasks.filter(status="WANTED", tries__gt=30).count() == 200
    studio.come_back()
    a_round_later(deliver_all)
    assert inspections_in(studio) == sorted(str(task.inspection_id) for task in tasks.all())
    assert set(tasks.values_list("status", "error")) == {("OPEN", "")}
    assert Desk.objects.get().error == ""


def test_what_was_imported_although_the_answer_was_lost_is_not_imported_again(studio, judged):
    studio.lose_answers("import_tasks")
    judged()
    task = LabelTask.objects.get()
    assert (task.status, task.tries) == ("WANTED", 1)
    later()
    assert push.send_waiting() == ""
    task.refresh_from_db()
    assert (task.status, len(studio.there.tasks)) == ("OPEN", 1)
    assert task.studio_id in studio.there.tasks


def test_what_was_labelled_before_the_lost_answer_was_missed_is_read(studio, judged):
    studio.lose_answers("import_tasks")
    judged()
    (number,) = studio.there.tasks
    studio.accept(number)
    later()
    push.send_waiting()
    assert LabelTask.objects.get().status == "PULLED"


def test_what_was_imported_into_the_former_project_stays_there(studio, judged):
    studio.lose_answers("import_tasks")
    judged()
    DefectType.objects.filter(code="dent").update(active=False)
    later()
    push.send_waiting()
    task = LabelTask.objects.get()
    assert (task.status, task.project.number, len(studio.there.tasks)) == ("OPEN", 1, 1)


def test_a_wrong_token_keeps_what_is_wanted_and_says_what_to_do(studio, judged, settings):
    settings.STUDIO_TOKEN = "f" * 40
    judged()
    task = LabelTask.objects.get()
    assert task.status == "WANTED"
    assert "STUDIO_TOKEN" in task.error
    assert "STUDIO_TOKEN" in Desk.objects.get().error
    settings.STUDIO_TOKEN = studio.token
    later()
    push.send_waiting()
    handlers.desk.note("", now=timezone.now())
    assert LabelTask.objects.get().status == "OPEN"
    assert Desk.objects.get().error == ""


def test_a_token_that_expired_meanwhile_does_the_same(studio, sent, judged):
    sent()
    studio.revoke()
    task = LabelTask.objects.get(inspection=judged(seed=1))
    assert task.status == "WANTED"
    assert "make a new one" in task.error


class Picky(FakeStudio):
    """It refuses one picture, and with it every request that holds it."""

    refused = ""

    def import_tasks(self, project_id, tasks):
        if any(one["data"]["inspection_id"] == self.refused for one in tasks):
            raise StudioRefused("Label Studio: data: this picture is too odd", 400)
        return super().import_tasks(project_id, tasks)


def test_a_picture_that_is_refused_holds_up_none_of_its_batch(studio, judged, deliver_all):
    studio.go_down()
    odd = judged()
    for seed in (1, 2, 3):
        judged(seed=seed)
    studio.come_back()
    studio.__class__ = Picky
    studio.refused = str(odd.pk)
    later()
    assert push.send_waiting() == ""
    odd.label_task.refresh_from_db()
    assert (odd.label_task.status, odd.label_task.error) == (
        "FAILED",
        "Label Studio: data: this picture is too odd",
    )
    assert LabelTask.objects.filter(status="OPEN").count() == 3


def test_what_failed_can_be_sent_again(studio, judged, deliver_all):
    studio.__class__ = Picky
    studio.go_down()
    task = LabelTask.objects.get(inspection=judged())
    studio.come_back()
    studio.refused = str(task.inspection_id)
    later()
    push.send_waiting()
    studio.refused = ""
    actions.retry(task, by=person(), now=timezone.now())
    deliver_all()
    task.refresh_from_db()
    assert (task.status, task.error) == ("OPEN", "")


def test_what_cannot_be_drawn_says_so_and_holds_up_no_other(studio, judged):
    studio.go_down()
    inspection = judged(DEFECT)
    actions.want(inspection, reason=Reason.ASKED, why="see", now=timezone.now())
    judged(UNCLEAR)
    factories.behind_the_triggers("UPDATE inspections_verdict SET width = width - 1")
    factories.behind_the_triggers(
        "UPDATE inspections_verdict SET width = width + 1 WHERE inspection_id <> %s", inspection.pk
    )
    studio.come_back()
    later()
    push.send_waiting()
    inspection.label_task.refresh_from_db()
    assert inspection.label_task.status == "FAILED"
    assert "cannot be laid before anybody" in inspection.label_task.error
    assert LabelTask.objects.filter(status="OPEN").count() == 1


def test_nothing_is_sent_onto_a_screen_that_is_not_ours_any_more(studio, sent, judged):
    sent()
    studio.rename_label(project().studio_id, "dent", "beule")
    task = LabelTask.objects.get(inspection=judged(seed=1))
    assert task.status == "WANTED"
    assert "“dent” is missing in Label Studio" in task.error
    studio.rename_label(project().studio_id, "beule", "dent")
    later()
    assert push.send_waiting() == ""
    task.refresh_from_db()
    assert task.status == "OPEN"


def test_a_project_that_was_deleted_there_is_replaced_when_something_is_sent(studio, sent, judged):
    lost = sent()
    studio.delete_project(project().studio_id)
    task = LabelTask.objects.get(inspection=judged(seed=1))
    lost.refresh_from_db()
    assert (task.status, task.project.number, lost.status) == ("OPEN", 2, "FAILED")


def test_while_somebody_sends_another_one_leaves_it_to_them(studio, judged, deliver_all):
    studio.go_down()
    judged()
    studio.come_back()
    later()
    row = StudioProject.objects.get()
    with leases.held(row) as lease:
        assert lease is not None
        assert push.send_waiting() is None
        assert not studio.there.tasks
    push.send_waiting()
    assert len(studio.there.tasks) == 1


def test_who_lost_the_lease_sends_nothing(studio, judged):
    studio.go_down()
    judged()
    studio.come_back()
    row = StudioProject.objects.get()
    with leases.held(row) as lease, pytest.raises(leases.LeaseLost):
        StudioProject.objects.update(lease="0192f0a0-0000-7000-8000-000000000000")
        lease.keep()


@pytest.mark.django_db(transaction=True)
def test_two_who_send_at_once_send_each_picture_once(studio):
    for _ in range(30):
        factories.submission(brightness=UNCLEAR)
    while courier.deliver_once("inspections.judge_inspection"):
        pass
    for handler in ("review.triage_verdict", "labels.want_uncertain"):
        while courier.deliver_once(handler):
            pass
    assert LabelTask.objects.filter(status="WANTED").count() == 30

    def send() -> None:
        push.send_waiting()
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inspections_in(studio)) == len(set(inspections_in(studio))) == 30
    assert LabelTask.objects.filter(status="OPEN").count() == 30
    assert len(studio.there.projects) == 1
