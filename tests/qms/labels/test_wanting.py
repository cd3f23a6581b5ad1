"""Which pictures go to the annotators, and how soon."""

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from qms.events.models import Event
from qms.inspections.models import Source
from qms.labels import actions, waiting
from qms.labels.models import LabelTask, Reason
from qms.labels.urgency import closeness, urgency
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.review import actions as reviews
from qms.review.models import Review
from tests.factories import DEFECT, NORMAL, UNCLEAR, model, person, product, submission


def recipe(**rules) -> None:
    now = timezone.now()
    plant.publish_recipe(product(), by=None, now=now, reason="test", **rules)


def decide(inspection, decision, deliver_all, **words) -> Review:
    ines = person()
    review = Review.objects.get(inspection=inspection)
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(review, decision=decision, by=ines, now=timezone.now(), **words)
    deliver_all()
    return review


def said(review, number=1, **words) -> reviews.Said:
    return reviews.Said(finding=review.verdict.findings.get(number=number), **words)


def want(inspection, reason=Reason.ASKED, why="ines asks", **words) -> LabelTask:
    return actions.want(inspection, reason=reason, why=why, now=timezone.now(), **words)


# --- by itself ---


def test_what_the_model_cannot_decide_is_wanted(judged):
    task = LabelTask.objects.get(inspection=judged(UNCLEAR))
    assert (task.reason, task.status, task.over_cap) == ("UNCERTAIN", "WANTED", False)
    assert task.why == ["The model could not decide."]


def test_what_is_clear_is_not_wanted(judged):
    judged(NORMAL)
    judged(DEFECT)
    assert not LabelTask.objects.exists()


def test_what_was_imported_with_its_labels_is_not_wanted(judged):
    judged(UNCLEAR, source=Source.IMPORT)
    assert not LabelTask.objects.exists()


def test_a_recipe_keeps_uncertain_pictures_from_annotators(judged):
    recipe(label_uncertain=False)
    judged(UNCLEAR)
    assert not LabelTask.objects.exists()


def test_a_false_call_is_disputed(judged, deliver_all):
    inspection = judged(DEFECT)
    decide(inspection, "OK", deliver_all)
    task = LabelTask.objects.get(inspection=inspection)
    assert (task.reason, task.review.reviewer.username) == ("DISPUTED", "ines")
    assert task.why == ["ines says OK, the model Not OK."]


def test_a_person_who_agrees_with_the_model_disputes_nothing(judged, deliver_all):
    decide(judged(DEFECT), "NOT_OK", deliver_all)
    assert not LabelTask.objects.exists()


def test_a_finding_that_is_called_false_is_disputed(judged, deliver_all):
    inspection = judged(DEFECT)
    review = Review.objects.get(inspection=inspection)
    decide(inspection, "NOT_OK", deliver_all, findings=[said(review, is_defect=False)])
    assert "finding 1 is no defect" in LabelTask.objects.get().why[0]


def test_a_finding_of_another_type_is_disputed(judged, deliver_all):
    inspection = judged(DEFECT)
    dent = DefectType.objects.get(code="dent")
    review = Review.objects.get(inspection=inspection)
    findings = [said(review, is_defect=True, defect_type=dent)]
    decide(inspection, "NOT_OK", deliver_all, findings=findings)
    assert "finding 1 is Dent" in LabelTask.objects.get().why[0]


def test_a_recipe_keeps_disputes_from_annotators(judged, deliver_all):
    recipe(label_disputed=False)
    decide(judged(DEFECT), "OK", deliver_all)
    assert not LabelTask.objects.exists()


def test_a_dispute_that_was_taken_back_at_once_is_none(judged, deliver_all):
    inspection, ines = judged(DEFECT), person()
    review = Review.objects.get(inspection=inspection)
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(review, decision="OK", by=ines, now=timezone.now())
    reviews.undo(review, by=ines, now=timezone.now())
    deliver_all()
    assert not LabelTask.objects.exists()


# --- asked for ---


def test_what_an_inspector_asks_for_is_wanted(judged, deliver_all):
    review = Review.objects.get(inspection=judged(DEFECT))
    reviews.want_correction(review, by=person(), now=timezone.now())
    deliver_all()
    assert LabelTask.objects.get().reason == "ASKED"


def test_wanting_twice_changes_nothing(judged):
    inspection = judged(DEFECT)
    assert want(inspection) == want(inspection)
    assert Event.objects.filter(name="LabelTaskWanted").count() == 1
    assert LabelTask.objects.get().why == ["ines asks"]


def test_a_second_reason_is_added_and_makes_it_more_urgent(judged):
    inspection = judged(UNCLEAR)
    before = LabelTask.objects.get().urgency
    want(inspection)
    after = LabelTask.objects.get()
    assert after.why == ["The model could not decide.", "ines asks"]
    assert (after.reason, after.urgency > before) == ("UNCERTAIN", True)


def test_a_picture_that_no_model_judged_is_refused(db):
    model()
    with pytest.raises(Refused, match="No model has judged"):
        want(submission())


# --- how many, how soon ---


def test_what_exceeds_the_cap_waits_behind_everything_else_and_is_not_lost(judged):
    recipe(cap_labels_day=2)
    for seed in range(4):
        judged(UNCLEAR, seed=seed)
    tasks = list(waiting.due(timezone.now()))
    assert [task.over_cap for task in tasks] == [False, False, True, True]
    assert max(t.urgency for t in tasks[2:]) < min(t.urgency for t in tasks[:2])


def test_what_a_person_asks_for_is_never_over_the_cap(judged):
    recipe(cap_labels_day=0)
    inspection = judged(UNCLEAR)
    assert LabelTask.objects.get().over_cap
    want(inspection)
    assert not LabelTask.objects.get().over_cap


SCORES = st.floats(0, 10)
LIMITS = st.tuples(SCORES, SCORES).map(lambda pair: (min(pair), max(pair)))
SEVERITIES = st.sets(st.sampled_from(["CRITICAL", "MAJOR", "MINOR"]))
REASONS = st.sampled_from(list(Reason.values))


@given(reason=REASONS, severities=SEVERITIES, score=SCORES, limits=LIMITS)
def test_urgency_is_a_share_and_over_the_cap_it_is_less_than_any_within(
    reason, severities, score, limits
):
    within = urgency(reason, severities, score=score, limits=limits)
    over = urgency(reason, severities, score=score, limits=limits, over_cap=True)
    least = urgency("UNCERTAIN", [], score=1e9, limits=(0.0, 1.0))
    assert 0 <= over < least <= within <= 1


@given(reason=REASONS, score=SCORES, limits=LIMITS)
def test_a_worse_severity_is_more_urgent(reason, score, limits):
    found = [
        urgency(reason, [one], score=score, limits=limits) for one in ("MINOR", "MAJOR", "CRITICAL")
    ]
    assert found == sorted(found)
    assert found[0] < found[2]


@given(score=SCORES, limits=LIMITS)
def test_closeness_is_a_share_and_one_on_a_threshold(score, limits):
    assert 0 <= closeness(score, limits) <= 1
    assert closeness(limits[0], limits) == closeness(limits[1], limits) == 1


# --- what must stay blind ---


def test_what_is_still_to_be_judged_blind_stays_here(studio, judged, deliver_all):
    recipe(audit_share=1.0)  # each flagged part is seen blind
    inspection = judged(UNCLEAR)
    task = LabelTask.objects.get()
    assert Review.objects.get().blind
    assert (task.status, waiting.is_kept_back(task)) == ("WANTED", True)
    decide(inspection, "NOT_DECIDABLE", deliver_all)
    assert not waiting.is_kept_back(task)
    assert waiting.due(timezone.now()).get() == task


def test_what_nobody_has_routed_yet_stays_here(judged):
    inspection = judged(UNCLEAR)
    assert waiting.due(timezone.now()).exists()
    type(inspection).objects.update(status="JUDGED")
    assert not waiting.due(timezone.now()).exists()
