"""What people said in Label Studio comes back whole, once, and by name."""

import time
from datetime import timedelta

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from labeling import brush
from qms.events.models import Event
from qms.inspections import judge
from qms.labels import actions, corrections, drift, pull, rounds, trail
from qms.labels.models import Annotation, LabelTask, Reason
from qms.plant import questions
from tests import factories
from tests.factories import DEFECT, person, product
from tests.qms.labels.conftest import project


@pytest.fixture
def marked(studio, judged, deliver_all):
    """A picture with one finding before the annotators, and a question."""
    asked = [{"slot": "place", "text": "Where is it?", "choices": []}]
    product()
    questions.publish(product(), asked, by=None, now=timezone.now())
    inspection = judged(DEFECT)
    actions.want(inspection, reason=Reason.ASKED, why="see", now=timezone.now())
    deliver_all()
    return LabelTask.objects.get(inspection=inspection)


def result_of(studio, task) -> list[dict]:
    return [
        {**one, "origin": "prediction"} for one in studio.predictions(task.studio_id)[-1]["result"]
    ]


def region(task, key, label, mask, origin="manual") -> dict:
    size = {"original_width": task.verdict.width, "original_height": task.verdict.height}
    value = {"format": "rle", "rle": brush.encode(mask), "brushlabels": [label]}
    named = {"from_name": "mask", "to_name": "image", "type": "brushlabels"}
    return {"id": key, "origin": origin, "image_rotation": 0, **named, **size, "value": value}


def mask_of(task, x=2, y=3, w=4, h=5) -> np.ndarray:
    mask = np.zeros((task.verdict.height, task.verdict.width), np.bool_)
    mask[y : y + h, x : x + w] = True
    return mask


def answer(words) -> dict:
    return {
        "id": "answer1",
        "from_name": "answer1",
        "to_name": "question1",
        "type": "textarea",
        "origin": "manual",
        "value": {"text": [words]},
    }


def verdict(code) -> dict:
    named = {"id": "verdict", "from_name": "verdict", "to_name": "image", "type": "choices"}
    return {**named, "origin": "prediction-changed", "value": {"choices": [code]}}


def status_of(task) -> str:
    task.refresh_from_db()
    return task.status


# --- whole ---


def test_what_the_person_left_as_it_was_is_the_models(studio, marked, ring):
    studio.accept(marked.studio_id)
    ring()
    said = corrections.latest_of(marked.inspection)
    (kept,) = said.regions.all()
    finding = marked.verdict.findings.get()
    assert (kept.finding, kept.counts, kept.origin) == (finding, finding.counts, "prediction")
    assert (kept.x, kept.y, kept.width, kept.height, kept.area_px) == (
        finding.x,
        finding.y,
        finding.width,
        finding.height,
        finding.area_px,
    )
    assert (said.evaluation, said.evaluation_origin, said.deleted) == ("NOT_OK", "prediction", [])


def test_a_correction_is_kept_whole(studio, marked, ring):
    studio.there.people[4] = "ines@example.com"
    ines = person()
    type(ines).objects.update(email="ines@example.com")
    mask = mask_of(marked)
    drawn = region(marked, "x9", "dent", mask)
    studio.submit(
        marked.studio_id, [drawn, verdict("OK"), answer("top left")], person=4, seconds=31.5
    )
    ring()
    said = corrections.latest_of(marked.inspection)
    assert (said.person, said.person_name, said.seconds) == (ines, "ines@example.com", 31.5)
    assert (said.evaluation, said.evaluation_origin) == ("OK", "prediction-changed")
    assert said.deleted == [1]
    (kept,) = said.regions.all()
    assert (kept.finding, kept.defect_type.code, kept.origin) == (None, "dent", "manual")
    assert (kept.x, kept.y, kept.width, kept.height, kept.area_px) == (2, 3, 4, 5, 20)
    assert np.array_equal(judge.mask_of(kept.counts, mask.shape), mask)
    (pair,) = said.answers.all()
    assert (pair.slot, pair.question, pair.corrected) == ("place", "Where is it?", "top left")
    assert pair.edit_distance is None  # the model had said nothing


def test_how_far_an_answer_is_from_the_models_is_counted_in_letters(studio, marked, ring):
    LabelTask.objects.update(
        proposed={**marked.proposed, "answers": {"place": "bottom left"}},
    )
    studio.submit(marked.studio_id, [verdict("OK"), answer("top left")])
    ring()
    (pair,) = corrections.latest_of(marked.inspection).answers.all()
    assert (pair.predicted, pair.origin, pair.edit_distance) == (
        "bottom left",
        "prediction-changed",
        4,
    )


def test_reading_again_brings_nothing_twice(studio, marked, ring):
    studio.accept(marked.studio_id)
    ring()
    LabelTask.objects.update(unread=True)
    assert rounds.go() == ""
    assert rounds.go() == ""
    assert Annotation.objects.count() == 1
    assert Event.objects.filter(name="AnnotationReceived").count() == 1


def test_what_did_not_change_is_not_read_again(studio, sent, ring):
    for seed in range(3):
        studio.accept(sent(seed=seed).studio_id)
    ring()
    rounds.go()
    before = studio.there.calls["annotations"]
    rounds.go(), rounds.go()
    assert studio.there.calls["annotations"] == before


def test_a_later_version_is_another_row_and_holds(studio, marked, ring):
    first = studio.submit(marked.studio_id, [verdict("OK")])
    ring()
    studio.change(first["id"], [verdict("NOT_DECIDABLE")])
    ring()
    versions = Annotation.objects.filter(studio_id=first["id"])
    assert {one.evaluation for one in versions} == {"OK", "NOT_DECIDABLE"}
    assert corrections.latest_of(marked.inspection).evaluation == "NOT_DECIDABLE"
    assert list(corrections.standing(Annotation.objects.all())) == [versions.latest("pk")]


def test_several_people_are_all_kept_and_the_last_holds(studio, marked, ring):
    studio.there.people |= {2: "a@example.com", 3: "b@example.com"}
    studio.submit(marked.studio_id, [verdict("OK")], person=2)
    studio.submit(marked.studio_id, [verdict("NOT_OK")], person=3)
    ring()
    assert corrections.standing(Annotation.objects.all()).count() == 2
    assert corrections.latest_of(marked.inspection).person_name == "b@example.com"


def test_a_skip_is_kept_with_its_reason_and_a_later_answer_holds(studio, marked, ring):
    reason = {
        "id": "n",
        "from_name": "skip_note",
        "to_name": "image",
        "type": "textarea",
        "value": {"text": ["too dark"]},
    }
    studio.submit(marked.studio_id, [reason], skipped=True)
    ring()
    assert status_of(marked) == "SKIPPED"
    assert Annotation.objects.get().skip_reason == "too dark"
    assert corrections.latest_of(marked.inspection) is None
    studio.accept(marked.studio_id)
    ring()
    assert status_of(marked) == "PULLED"
    assert corrections.latest_of(marked.inspection).evaluation == "NOT_OK"


def test_what_was_skipped_can_be_sent_again_and_lies_there_once(studio, marked, ring, deliver_all):
    studio.skip(marked.studio_id)
    ring()
    marked.refresh_from_db()
    actions.retry(marked, by=person(), now=timezone.now())
    deliver_all()
    assert (status_of(marked), len(studio.there.tasks)) == ("OPEN", 1)


def test_an_annotation_is_a_fact(studio, marked, ring):
    studio.accept(marked.studio_id)
    ring()
    for rows in (Annotation.objects.all(), Annotation.objects.get().regions.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


# --- faults ---


def test_a_broken_mask_fails_with_a_sentence_and_the_others_go_on(studio, sent, marked, ring):
    broken = region(marked, "x9", "dent", mask_of(marked))
    broken["value"]["rle"] = broken["value"]["rle"][:-4]
    studio.submit(marked.studio_id, [broken, verdict("NOT_OK")])
    other = sent()
    studio.accept(other.studio_id)
    ring()
    assert (status_of(marked), status_of(other)) == ("FAILED", "PULLED")
    assert "cannot be read" in marked.error
    assert not marked.annotations.exists()


def test_what_is_mended_there_is_read_after_all(studio, marked, ring):
    broken = region(marked, "x9", "dent", mask_of(marked))
    broken["value"]["rle"] = [1, 2, 3]
    made = studio.submit(marked.studio_id, [broken, verdict("NOT_OK")])
    ring()
    assert status_of(marked) == "FAILED"
    studio.change(made["id"], [region(marked, "x9", "dent", mask_of(marked)), verdict("NOT_OK")])
    ring()
    assert (status_of(marked), marked.error) == ("PULLED", "")


def test_a_broken_one_beside_a_good_one_that_holds_changes_nothing(studio, marked, ring):
    studio.submit(marked.studio_id, [])  # without a verdict
    studio.accept(marked.studio_id)
    ring()
    assert (status_of(marked), marked.annotations.count()) == ("PULLED", 1)


def test_a_label_that_was_renamed_there_is_noticed_and_what_bears_it_fails(
    studio, marked, ring, deliver_all
):
    studio.rename_label(project().studio_id, "dent", "beule")
    rounds.go()
    assert project().drift[:2] == [
        "Label “dent” is missing in Label Studio.",
        "Label “beule” is only in Label Studio.",
    ]
    studio.submit(
        marked.studio_id, [region(marked, "x9", "beule", mask_of(marked)), verdict("NOT_OK")]
    )
    ring()
    assert status_of(marked) == "FAILED"
    assert "beule" in marked.error
    studio.rename_label(project().studio_id, "beule", "dent")
    rounds.go()
    assert project().drift == []


def test_a_task_that_was_deleted_there_fails_and_can_be_sent_again(
    studio, marked, ring, deliver_all
):
    studio.delete_task(marked.studio_id)
    studio.there.rung.clear()
    rounds.go()
    assert (status_of(marked), marked.error) == ("FAILED", pull.DELETED)
    actions.retry(marked, by=person(), now=timezone.now())
    deliver_all()
    assert status_of(marked) == "OPEN"
    assert marked.studio_id in studio.there.tasks


def test_the_bell_tells_of_a_deleted_task_at_once(studio, marked, ring):
    studio.delete_task(marked.studio_id)
    ring()
    assert status_of(marked) == "FAILED"


def test_a_project_that_was_deleted_there_is_replaced(studio, marked, sent, deliver_all):
    studio.delete_project(project().studio_id)
    studio.there.rung.clear()
    rounds.go()
    assert (status_of(marked), marked.error) == ("FAILED", drift.GONE)
    actions.retry(marked, by=person(), now=timezone.now())
    deliver_all()
    assert (status_of(marked), marked.project.number) == ("OPEN", 2)


def test_an_annotation_that_was_deleted_before_it_was_read_leaves_the_task_open(studio, sent, ring):
    task = sent()
    made = studio.accept(task.studio_id)
    pull.look(studio, project())
    assert status_of(task) == "LABELLED"
    studio.delete_annotation(made["id"])
    ring()
    assert status_of(task) == "OPEN"


def test_what_was_said_stays_when_its_annotation_is_deleted_there(studio, marked, ring):
    made = studio.accept(marked.studio_id)
    ring()
    studio.delete_annotation(made["id"])
    ring()
    assert (status_of(marked), marked.annotations.count()) == ("PULLED", 1)


def test_a_picture_that_lies_there_twice_is_dropped_once(studio, marked):
    twin = studio.there.tasks[marked.studio_id]["data"]
    studio.import_tasks(project().studio_id, [{"data": twin}])
    assert rounds.go() == ""
    assert list(studio.there.tasks) == [marked.studio_id]


def test_a_clock_that_is_behind_loses_nothing(studio, sent, ring):
    studio.there.behind = timedelta(hours=3)
    task = sent()
    rounds.go()
    studio.accept(task.studio_id)
    studio.there.rung.clear()
    rounds.go()
    assert status_of(task) == "PULLED"


def test_a_mask_of_five_megapixels_comes_back_exactly(studio, marked, ring):
    """The size of the picture is the verdict's: the mask is of exactly that size."""
    width, height = 2448, 2048
    factories.behind_the_triggers(
        "UPDATE inspections_verdict SET width = %s, height = %s", width, height
    )
    marked.verdict.refresh_from_db()
    noise = np.random.default_rng(7).random((height, width)) < 0.02
    drawn = region(marked, "x9", "dent", noise)
    started = time.perf_counter()
    studio.submit(marked.studio_id, [drawn, verdict("NOT_OK")])
    ring()
    print(f"read in {time.perf_counter() - started:.1f} s")
    (kept,) = corrections.latest_of(marked.inspection).regions.all()
    assert np.array_equal(judge.mask_of(kept.counts, (height, width)), noise)


# --- the trail ---


def test_the_trail_holds_after_all_that_can_happen(studio, marked, sent, ring, deliver_all):
    studio.accept(marked.studio_id)
    skipped = sent()
    studio.skip(skipped.studio_id)
    ring()
    actions.retry(LabelTask.objects.get(pk=skipped.pk), by=person(), now=timezone.now())
    assert list(trail.faults()) == []


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE labels_labeltask SET status = 'SKIPPED'", "says SKIPPED"),
        ("UPDATE labels_annotation SET evaluation = 'OK'", "says otherwise than its event"),
        ("UPDATE labels_labelledregion SET counts = '[9]'", "is not what was received"),
        (
            "DELETE FROM labels_labelledregion; DELETE FROM labels_annotation",
            "is told of, but not there",
        ),
    ],
)
def test_what_was_changed_behind_the_house_shows_in_the_trail(studio, marked, ring, sql, what):
    studio.accept(marked.studio_id)
    ring()
    factories.behind_the_triggers(sql)
    assert any(what in fault.what for fault in trail.faults())
