"""The human eye: who looks, who decides, and what stays of the model's word."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from qms.events.models import Event
from qms.lifecycle import Refused, StaleMove
from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.review import actions, opening
from qms.review.models import Review
from tests.factories import DEFECT, UNCLEAR, model, person, product, submission


@pytest.fixture
def review(db, deliver_all) -> Review:
    inspection = submission(brightness=DEFECT)
    deliver_all()
    return Review.objects.get(inspection=inspection)


def decide(review, by, decision="NOT_OK", **words):
    actions.decide(review, decision=decision, by=by, now=timezone.now(), **words)


def test_a_decision_settles_and_the_models_word_stays(review):
    ines = person()
    actions.claim(review, by=ines, now=timezone.now())
    decide(review, ines, "OK", note="only dust")
    inspection = review.inspection
    inspection.refresh_from_db()
    assert (inspection.status, inspection.evaluation) == ("SETTLED", "OK")
    assert inspection.verdicts.get().evaluation == "NOT_OK"
    assert review.outcome == "false call"
    assert Event.objects.filter(name="ReviewDecided", actor="ines").count() == 1


def test_a_rejection_names_a_defect_type(review):
    ines = person()
    scratch = DefectType.objects.get(code="scratch")
    actions.claim(review, by=ines, now=timezone.now())
    decide(review, ines, defect_type=scratch)
    assert (review.decision, review.defect_type, review.outcome) == (
        "NOT_OK",
        scratch,
        "true defect",
    )


@pytest.mark.parametrize(
    ("decision", "words", "says"),
    [
        ("PERHAPS", {}, "Decide OK"),
        ("UNDEFINED", {}, "Decide OK"),
        ("OK", {"defect_type": "scratch"}, "Only a rejected part"),
        ("NOT_OK", {"defect_type": "of another product"}, "not a defect type of this product"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(review, decision, words, says):
    ines = person()
    plant.ensure_product("brick", defect_types=["of-another"], now=timezone.now())
    types = {
        "scratch": DefectType.objects.get(code="scratch"),
        "of another product": DefectType.objects.get(code="of-another"),
    }
    actions.claim(review, by=ines, now=timezone.now())
    with pytest.raises(Refused, match=says):
        decide(review, ines, decision, **{name: types[word] for name, word in words.items()})
    review.refresh_from_db()
    assert review.status == "CLAIMED"


def test_nobody_decides_what_is_in_other_hands_or_in_none(review):
    ines, otto = person("ines"), person("otto")
    with pytest.raises(Refused, match="Claim this review first"):
        decide(review, ines)
    actions.claim(review, by=ines, now=timezone.now())
    with pytest.raises(Refused, match="hands of ines"):
        decide(review, otto)
    with pytest.raises(Refused, match="hands of ines"):
        actions.release(review, by=otto, now=timezone.now())
    with pytest.raises(StaleMove, match="hands of ines"):
        actions.claim(review, by=otto, now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_once_one_wins(deliver_all):
    submission(brightness=UNCLEAR)
    deliver_all()
    people = [person(f"p{n}") for n in range(6)]
    rows = [Review.objects.get() for _ in people]
    barrier, won, lost = threading.Barrier(6), [], []

    def work(row, by):
        barrier.wait()
        try:
            actions.claim(row, by=by, now=timezone.now())
            won.append(by)
        except StaleMove:
            lost.append(by)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(rows, people, strict=True)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(won), len(lost)) == (1, 5)
    assert Review.objects.get().reviewer == won[0]


def test_undo_opens_the_inspection_again(review):
    ines, otto = person("ines"), person("otto")
    actions.claim(review, by=ines, now=timezone.now())
    decide(review, ines)
    with pytest.raises(Refused, match="hands of ines"):
        actions.undo(review, by=otto, now=timezone.now())
    actions.undo(review, by=ines, now=timezone.now())
    review.inspection.refresh_from_db()
    assert (review.status, review.decision, review.decided_at) == ("CLAIMED", "", None)
    assert review.inspection.status == "IN_REVIEW"
    decide(review, ines, "OK")
    assert Event.objects.filter(subject=review.inspection_id, name="ReviewUndone").exists()


def test_a_claim_that_is_left_lying_goes_back(review):
    actions.claim(review, by=person(), now=timezone.now())
    assert actions.release_forgotten(now=timezone.now()) == 0
    later = timezone.now() + actions.CLAIM_LASTS + timedelta(seconds=1)
    assert actions.release_forgotten(now=later) == 1
    review.refresh_from_db()
    assert (review.status, review.reviewer) == ("OPEN", None)


def test_triage_running_twice_changes_nothing(review):
    assert opening.triage(review.verdict, now=timezone.now()) == review
    assert Review.objects.count() == 1


def test_an_audit_takes_its_share_of_accepted_parts(db, deliver_all):
    tile = product()
    model(tile)
    plant.publish_recipe(tile, by=None, now=timezone.now(), reason="audit", audit_share=1.0)
    submission(tile)
    deliver_all()
    review = Review.objects.get()
    assert review.reason == "AUDIT"
    assert review.inspection.evaluation == "OK"
    ines = person()
    actions.claim(review, by=ines, now=timezone.now())
    decide(review, ines)
    assert review.outcome == "escape"


def test_undo_gives_the_evaluation_back_to_the_model(review):
    ines = person()
    actions.claim(review, by=ines, now=timezone.now())
    decide(review, ines, "OK")
    actions.undo(review, by=ines, now=timezone.now())
    review.inspection.refresh_from_db()
    assert (review.inspection.status, review.inspection.evaluation) == ("IN_REVIEW", "NOT_OK")


def test_a_decision_that_is_too_old_stands(review):
    ines, now = person(), timezone.now()
    actions.claim(review, by=ines, now=now)
    decide(review, ines)
    with pytest.raises(Refused, match="for 10 minutes"):
        actions.undo(review, by=ines, now=now + actions.UNDO_LASTS + timedelta(minutes=1))
    review.refresh_from_db()
    assert review.status == "DECIDED"


def test_giving_back_is_an_event_that_says_whose_it_was(review):
    ines = person()
    actions.claim(review, by=ines, now=timezone.now())
    actions.release(review, by=ines, now=timezone.now())
    event = Event.objects.get(name="ReviewReleased")
    assert (event.actor, event.payload["reviewer"], event.payload["forgotten"]) == (
        "ines",
        "ines",
        False,
    )


def test_a_forgotten_claim_goes_back_with_an_event(review):
    actions.claim(review, by=person(), now=timezone.now())
    actions.release_forgotten(now=timezone.now() + actions.CLAIM_LASTS + timedelta(seconds=1))
    event = Event.objects.get(name="ReviewReleased")
    assert (event.actor, event.payload["reviewer"], event.payload["forgotten"]) == (
        "andon",
        "ines",
        True,
    )


@pytest.mark.parametrize("act", ["decide", "release"])
def test_who_lost_a_claim_meanwhile_does_nothing_in_the_next_ones_name(review, act):
    """The page of the first one still holds the review as it was."""
    ines, otto = person("ines"), person("otto")
    actions.claim(review, by=ines, now=timezone.now())
    stale = Review.objects.get()
    actions.release(review, by=ines, now=timezone.now())
    actions.claim(Review.objects.get(), by=otto, now=timezone.now())
    with pytest.raises(Refused, match="hands of otto"):
        if act == "decide":
            decide(stale, ines)
        else:
            actions.release(stale, by=ines, now=timezone.now())
    held = Review.objects.get()
    assert (held.status, held.reviewer) == ("CLAIMED", otto)


def test_a_page_that_is_alive_keeps_its_part(review):
    ines, now = person(), timezone.now()
    actions.claim(review, by=ines, now=now)
    later = now + actions.CLAIM_LASTS - timedelta(seconds=1)
    assert actions.beat(review, by=ines, now=later)
    assert actions.release_forgotten(now=now + actions.CLAIM_LASTS + timedelta(seconds=5)) == 0
    actions.release(review, by=ines, now=later)
    assert not actions.beat(review, by=ines, now=later)


def test_what_was_said_of_each_finding_is_kept_and_told(review):
    ines, finding = person(), review.verdict.findings.get()
    dent = DefectType.objects.get(code="dent")
    actions.claim(review, by=ines, now=timezone.now())
    said = actions.Said(finding=finding, is_defect=True, defect_type=dent)
    decide(review, ines, defect_type=dent, findings=[said])
    answer = review.finding_answers.get()
    assert (answer.is_defect, answer.defect_type) == (True, dent)
    told = Event.objects.get(name="ReviewDecided").payload["findings"]
    assert told == [{"number": 1, "is_defect": True, "defect_type_id": dent.pk}]
    actions.undo(review, by=ines, now=timezone.now())
    assert not review.finding_answers.exists()


def test_a_part_with_a_confirmed_defect_cannot_be_accepted(review):
    ines, finding = person(), review.verdict.findings.get()
    actions.claim(review, by=ines, now=timezone.now())
    with pytest.raises(Refused, match="is not OK: reject it"):
        decide(review, ines, "OK", findings=[actions.Said(finding=finding, is_defect=True)])


def test_time_before_the_eyes_is_the_pages_and_never_more_than_the_clocks(review):
    ines, now = person(), timezone.now()
    actions.claim(review, by=ines, now=now)
    at = now + timedelta(seconds=10)
    actions.decide(review, decision="OK", by=ines, now=at, seconds=4.0)
    assert review.seconds_spent == 4.0
    actions.undo(review, by=ines, now=at)
    actions.decide(review, decision="OK", by=ines, now=at + timedelta(seconds=3), seconds=99.0)
    assert review.seconds_spent == 3.0
