"""A correction that contradicts the review asks for another look."""

import pytest
from django.utils import timezone

from qms.labels import doubts
from qms.labels.models import Doubt, LabelTask
from qms.plant.models import DefectType
from qms.review import actions as reviews
from qms.review.models import Review
from tests.factories import person
from tests.qms.labels.test_receiving import mask_of, region, verdict


@pytest.fixture
def decided(deliver_all):
    def made(task, decision, **words) -> Review:
        review = Review.objects.get(inspection=task.inspection_id, kind="VERIFY")
        who, now = person(), timezone.now()
        reviews.claim(review, by=who, now=now)
        reviews.decide(review, decision=decision, by=who, now=now, **words)
        deliver_all()
        return review

    return made


@pytest.fixture
def corrected(studio, ring):
    def made(task, *result) -> dict:
        said = studio.submit(task.studio_id, list(result))
        ring()
        return said

    return made


def second() -> list[Review]:
    return list(Review.objects.filter(kind="SECOND_OPINION").order_by("pk"))


def decide_second(look, decision, deliver_all) -> None:
    lea, now = person("lea", "lead"), timezone.now()
    reviews.claim(look, by=lea, now=now)
    reviews.decide(look, decision=decision, by=lea, now=now)
    deliver_all()


def test_a_correction_that_contradicts_the_answer_opens_a_second_opinion(sent, decided, corrected):
    task = sent()
    review = decided(task, "OK")
    corrected(task, verdict("NOT_OK"))
    (look,) = second()
    assert (look.of, look.reason, look.status) == (review, "CORRECTED", "OPEN")
    assert look.why == ["andon@example.com corrected it to Not OK; ines decided OK."]
    assert Doubt.objects.get().review == look


def test_a_correction_that_agrees_opens_nothing(sent, decided, corrected):
    task = sent()
    decided(task, "NOT_OK")
    corrected(task, verdict("NOT_OK"))
    assert not second()


def test_who_cannot_tell_contradicts_nobody(sent, decided, corrected):
    task = sent()
    decided(task, "OK")
    corrected(task, verdict("NOT_DECIDABLE"))
    assert not second()


def test_another_type_than_it_was_rejected_for_contradicts(sent, decided, corrected):
    task = sent()
    decided(task, "NOT_OK", defect_type=DefectType.objects.get(code="scratch"))
    corrected(task, region(task, "x1", "dent", mask_of(task)), verdict("NOT_OK"))
    (look,) = second()
    assert look.why == ["andon@example.com marked Dent; ines rejected it for Scratch."]


def test_a_correction_that_came_first_doubts_once_the_part_is_decided(sent, decided, corrected):
    task = sent()
    corrected(task, verdict("NOT_OK"))
    assert not second()
    decided(task, "OK")
    assert len(second()) == 1


def test_the_same_correction_doubts_once(sent, decided, corrected, studio, ring, deliver_all):
    task = sent()
    decided(task, "OK")
    said = corrected(task, verdict("NOT_OK"))
    decide_second(second()[0], "OK", deliver_all)
    studio.change(said["id"], [verdict("NOT_OK")])
    ring()
    assert len(second()) == 1


def test_a_correction_after_the_second_opinion_doubts_that_one(
    sent, decided, corrected, deliver_all
):
    task = sent()
    decided(task, "OK")
    corrected(task, verdict("NOT_OK"))
    decide_second(second()[0], "NOT_OK", deliver_all)
    corrected(task, verdict("OK"))
    first, later = second()
    assert later.of == first


def test_an_answer_that_was_taken_back_and_given_again_is_doubted_again(
    sent, decided, corrected, deliver_all
):
    task, ines = sent(), person()
    review = decided(task, "OK")
    corrected(task, verdict("NOT_OK"))
    reviews.undo(review, by=ines, now=timezone.now())
    reviews.decide(review, decision="OK", by=ines, now=timezone.now())
    deliver_all()
    assert [look.status for look in second()] == ["WITHDRAWN", "OPEN"]


def test_asking_again_changes_nothing(sent, decided, corrected):
    task = sent()
    decided(task, "OK")
    corrected(task, verdict("NOT_OK"))
    assert doubts.follow(task.inspection, now=timezone.now()) is None
    assert len(second()) == 1
    assert LabelTask.objects.get().status == "PULLED"
