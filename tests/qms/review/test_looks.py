"""Several looks at one part: whose answer holds, second opinions, repeats, the caps."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from qms.events.seal import Fault
from qms.inspections import trail as inspections_trail
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.review import actions, opening, station
from qms.review import trail as reviews_trail
from qms.review.models import Review
from tests.factories import DEFECT, UNCLEAR, model, person, product, submission


def faults() -> list[Fault]:
    return [*inspections_trail.faults(), *reviews_trail.faults()]


def recipe(**rules) -> None:
    plant.publish_recipe(product(), by=None, now=timezone.now(), reason="test", **rules)


@pytest.fixture
def look(db, deliver_all):
    """Opens the first look at a part with a defect."""

    def opened(brightness: int = DEFECT, **words) -> Review:
        inspection = submission(brightness=brightness, **words)
        deliver_all()
        return Review.objects.get(inspection=inspection)

    return opened


def answer(review, by, decision="NOT_OK", **words) -> Review:
    now = words.pop("now", None) or timezone.now()
    actions.claim(review, by=by, now=now)
    actions.decide(review, decision=decision, by=by, now=now, **words)
    return review


def holds(review) -> tuple[str, str]:
    review.inspection.refresh_from_db()
    return review.inspection.status, review.inspection.evaluation


def test_who_cannot_decide_hands_it_to_a_lead_and_may_take_that_back(look):
    first, ines, lea = look(), person("ines"), person("lea", "lead")
    answer(first, ines, "NOT_DECIDABLE", note="dust?")
    second = Review.objects.get(of=first)
    assert (second.kind, second.reason, holds(first)) == (
        "SECOND_OPINION", "UNSURE", ("IN_REVIEW", "NOT_DECIDABLE")
    )  # fmt: skip
    assert "dust?" in second.why[0]
    actions.undo(first, by=ines, now=timezone.now())
    second.refresh_from_db()
    assert (second.status, holds(first)) == ("WITHDRAWN", ("IN_REVIEW", "NOT_OK"))
    actions.decide(first, decision="NOT_DECIDABLE", by=ines, now=timezone.now())
    again = Review.objects.get(of=first, status="OPEN")
    with pytest.raises(Refused, match="for a lead"):
        actions.claim(again, by=ines, now=timezone.now())
    answer(again, lea, "OK")
    assert holds(first) == ("SETTLED", "OK")
    with pytest.raises(Refused, match="second opinion is under way"):
        actions.undo(first, by=ines, now=timezone.now())
    assert faults() == []


def test_a_recipe_may_leave_unsure_parts_as_they_are(look):
    model(product())
    recipe(route_unsure=False)
    first = answer(look(), person("ines"), "NOT_DECIDABLE")
    assert holds(first) == ("SETTLED", "NOT_DECIDABLE")


def test_both_verdicts_stay_and_the_higher_one_holds(look):
    first, ines, lea, mara = look(), person("ines"), person("lea", "lead"), person("mara", "mrb")
    answer(first, ines, "OK")
    second = actions.ask_second_opinion(first, by=ines, now=timezone.now(), why="looks deep")
    assert holds(first) == ("IN_REVIEW", "OK")
    answer(second, lea, "NOT_OK", defect_type=DefectType.objects.get(code="dent"))
    assert holds(first) == ("SETTLED", "NOT_OK")
    actions.rule(first.verdict, decision="OK", by=mara, now=timezone.now(), note="within the plan")
    assert holds(first) == ("SETTLED", "OK")
    said = dict(Review.objects.values_list("kind", "decision"))
    assert said == {"VERIFY": "OK", "SECOND_OPINION": "NOT_OK", "BOARD": "OK"}
    assert Review.objects.get(rules=True).kind == "BOARD"
    actions.undo(second, by=lea, now=timezone.now())
    actions.decide(second, decision="NOT_OK", by=lea, now=timezone.now())
    assert holds(first) == ("SETTLED", "OK"), "the board's word stands above a later second opinion"
    assert faults() == []


def test_a_second_opinion_is_not_given_by_who_gave_the_first(look):
    lea = person("lea", "lead")
    first = answer(look(), lea, "OK")
    second = actions.ask_second_opinion(first, by=lea, now=timezone.now(), why="to be sure")
    assert not opening.queue_of(lea).exists()
    with pytest.raises(Refused, match="somebody else gives"):
        actions.claim(second, by=lea, now=timezone.now())
    assert opening.queue_of(person("lou", "lead")).get() == second
    assert not opening.queue_of(person("ines")).exists()


def test_the_board_s_word_is_not_taken_back_nor_given_by_anybody_else(look):
    first, ines = look(), person("ines")
    mara = person("mara", "mrb", "inspector")
    answer(first, ines, "NOT_OK")
    ruled = actions.rule(first.verdict, decision="OK", by=mara, now=timezone.now(), note="fine")
    with pytest.raises(Refused, match="only another ruling"):
        actions.undo(ruled, by=mara, now=timezone.now())
    assert holds(first) == ("SETTLED", "OK")


def test_a_second_opinion_is_asked_of_the_answer_that_holds(look):
    first, ines, lea = look(), person("ines"), person("lea", "lead")
    answer(first, ines, "OK")
    second = actions.ask_second_opinion(first, by=ines, now=timezone.now(), why="deep?")
    answer(second, lea, "NOT_OK")
    with pytest.raises(Refused, match="Another answer holds"):
        actions.ask_second_opinion(first, by=ines, now=timezone.now(), why="again?")
    actions.undo(second, by=lea, now=timezone.now())
    assert holds(first) == ("IN_REVIEW", "OK")


def test_where_there_is_no_other_lead_unsure_is_the_answer(look):
    first, lea = look(), person("lea", "lead")
    answer(first, lea, "NOT_DECIDABLE")
    assert holds(first) == ("SETTLED", "NOT_DECIDABLE")


def test_a_repeat_that_was_given_back_is_the_one_that_comes(look):
    model(product())
    recipe(repeat_share=1.0)
    ines, now = person("ines"), timezone.now()
    answer(look(), ines, "OK")
    later = now + opening.REPEAT_AFTER + timedelta(minutes=1)
    again = actions.take_next(by=ines, now=later)
    actions.release(again, by=ines, now=later)
    assert actions.take_next(by=ines, now=later) == again
    assert Review.objects.filter(kind="REPEAT").count() == 1


def test_a_second_opinion_waits_until_the_first_is_given(look):
    with pytest.raises(Refused, match="Only of a decided part"):
        actions.ask_second_opinion(look(), by=person("lea", "lead"), now=timezone.now(), why="?")


def test_a_part_comes_again_blind_and_unannounced_and_settles_nothing(look):
    model(product())
    recipe(repeat_share=1.0)
    ines, now = person("ines"), timezone.now()
    first = answer(look(serial="S1"), ines, "NOT_OK")
    assert actions.take_next(by=ines, now=now) is None, "not at once"
    later = now + opening.REPEAT_AFTER + timedelta(minutes=1)
    again = actions.take_next(by=ines, now=later)
    assert (again.kind, again.of, again.blind, again.reviewer) == ("REPEAT", first, True, ines)
    actions.decide(again, decision="OK", by=ines, now=later)
    assert holds(first) == ("SETTLED", "NOT_OK")
    assert actions.take_next(by=ines, now=later) is None, "never twice in a row"
    assert faults() == []


def test_what_exceeds_the_cap_is_kept_behind_everything_else(look):
    model(product())
    recipe(cap_hour=1)
    first, second = look(), look(UNCLEAR)
    assert (first.over_cap, second.over_cap) == (False, True)
    pace = station.pace_of(person("ines"), now=timezone.now(), since=timezone.now())
    assert (pace.waiting, pace.over_cap) == (2, 1)
    recipe(cap_hour=None)
    third = look()
    assert list(opening.queue_of(person("ines"))) == [first, third, second]


def test_a_critical_defect_is_never_capped_and_goes_first(look):
    tile = product()
    model(tile)
    recipe(cap_hour=0)
    waiting = look()
    assert waiting.over_cap
    recipe(cap_hour=0, audit_share=1.0)
    assert look().priority == 1, "a blind look in front of the others would tell"


def test_an_answer_of_a_finding_that_was_changed_behind_the_house_is_found(look):
    review, ines = look(), person("ines")
    finding = review.verdict.findings.get()
    answer(review, ines, findings=[actions.Said(finding=finding, is_defect=True)])
    assert faults() == []
    review.finding_answers.update(is_defect=False)
    (fault,) = faults()
    assert "something else of its findings" in fault.what


@pytest.mark.django_db(transaction=True)
def test_many_who_take_at_once_share_the_parts_and_nobody_waits(deliver_all):
    for n in range(24):
        submission(brightness=DEFECT, seed=n)
    deliver_all()
    people, taken = [person(f"p{n}") for n in range(8)], []

    def work(by):
        try:
            while review := actions.take_next(by=by, now=timezone.now()):
                actions.decide(review, decision="OK", by=by, now=timezone.now())
                taken.append(review.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[one]) for one in people]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(taken) == sorted(Review.objects.values_list("pk", flat=True))
    assert Review.objects.filter(decision="OK").count() == 24
    assert faults() == []
