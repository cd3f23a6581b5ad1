"""An agreement study: drawn fairly, seen blind, one trial after the other, and settling nothing."""

from collections import Counter

import pytest
from django.utils import timezone

from qms.events.models import Event
from qms.inspections import trail as inspections_trail
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.review import actions, study
from qms.review import trail as reviews_trail
from qms.review.models import Review, Study
from tests.factories import person, product
from tests.production import decide_all, is_bad, run


@pytest.fixture
def decided(db, deliver_all):
    run(deliver_all, 36, audit_share=0.8)
    decide_all(person("olga"))


def begin(*people, parts=10, trials=2, name="November") -> Study:
    return study.begin_study(
        product(),
        name=name,
        people=people or (person("ines"), person("carl")),
        parts=parts,
        trials=trials,
        by=person("lea", "lead"),
        now=timezone.now(),
    )


def looks(of=None, **words):
    return Review.objects.filter(kind="STUDY", **({"assigned_to": of} if of else {}), **words)


def test_each_person_gets_the_same_parts_blind_in_another_order(decided):
    ines, carl = person("ines"), person("carl")
    begun = begin(ines, carl)
    orders = [
        list(looks(one).order_by("pk").values_list("inspection", flat=True)) for one in (ines, carl)
    ]
    assert len(orders[0]) == 10
    assert set(orders[0]) == set(orders[1])
    assert orders[0] != orders[1]
    assert {(r.blind, r.trial, r.study, r.reason) for r in looks()} == {(True, 1, begun, "STUDY")}
    told = Event.objects.get(name="StudyBegun")
    assert (told.payload["people"], told.actor) == (["ines", "carl"], "lea")
    assert Event.objects.filter(name="ReviewOpened", payload__kind="STUDY").count() == 20


def test_about_half_of_the_parts_are_bad_and_their_scores_are_spread(decided):
    begin(parts=12)
    mine = list(looks(person("ines")).select_related("verdict", "inspection__part"))
    assert Counter(is_bad(look) for look in mine) == {True: 6, False: 6}
    scores = sorted(look.verdict.score for look in mine if is_bad(look))
    every = sorted(look.verdict.score for look in Review.objects.filter(rules=True) if is_bad(look))
    assert scores[0] <= every[len(every) // 3]
    assert scores[-1] >= every[-len(every) // 3]


def test_where_few_parts_are_bad_good_ones_take_their_place(db, deliver_all):
    run(deliver_all, 24, audit_share=1.0)
    decide_all(person("olga"))
    bad = sum(is_bad(look) for look in Review.objects.filter(rules=True))
    assert bad < 10
    begin(parts=20)
    assert sum(is_bad(look) for look in looks(person("ines"))) == min(bad, 10)


def test_the_next_trial_of_a_person_opens_when_the_last_one_is_done(decided, deliver_all):
    ines, carl = person("ines"), person("carl")
    begin(ines, carl)
    decide_all(ines, most=9)
    deliver_all()
    assert not looks(trial=2).exists()
    decide_all(ines, most=1)
    deliver_all()
    assert Counter(looks().values_list("assigned_to__username", "trial")) == {
        ("ines", 1): 10, ("ines", 2): 10, ("carl", 1): 10
    }  # fmt: skip
    orders = [
        list(looks(ines, trial=n).order_by("pk").values_list("inspection", flat=True))
        for n in (1, 2)
    ]
    assert set(orders[0]) == set(orders[1])
    assert orders[0] != orders[1]
    decide_all(ines)
    deliver_all()
    assert looks(ines).count() == 20


def test_a_trial_is_opened_once_whatever_comes_twice(decided, deliver_all):
    ines = person("ines")
    begin(ines, person("carl"))
    decide_all(ines)
    last = looks(ines).order_by("-decided_at").first()
    actions.undo(last, by=ines, now=timezone.now())
    study.go_on(last, now=timezone.now())
    assert not looks(trial=2).exists()
    actions.decide(last, decision="OK", by=ines, now=timezone.now())
    deliver_all()
    study.go_on(last, now=timezone.now())
    actions.undo(last, by=ines, now=timezone.now())
    actions.decide(last, decision="NOT_OK", by=ines, now=timezone.now())
    deliver_all()
    assert looks(trial=2).count() == 10


def test_only_whose_it_is_may_take_it_and_what_they_say_settles_nothing(decided, deliver_all):
    ines, carl = person("ines"), person("carl")
    before = set(Review.objects.filter(rules=True).values_list("pk", "inspection__evaluation"))
    begin(ines, carl)
    hers = looks(ines).first()
    with pytest.raises(Refused, match="before somebody else"):
        actions.claim(hers, by=carl, now=timezone.now())
    assert is_hidden(hers.inspection, ines)
    decide_all(ines, errs=1.0)
    assert (
        set(Review.objects.filter(rules=True).values_list("pk", "inspection__evaluation")) == before
    )
    assert [*inspections_trail.faults(), *reviews_trail.faults()] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"parts": 9}, "10 to 200 parts"),
        ({"parts": 60}, "wait for more"),
        ({"trials": 0}, "1 to 5 trials"),
        ({"trials": 6}, "1 to 5 trials"),
        ({"name": "  "}, "Give the study a name"),
    ],
)
def test_what_cannot_be_studied_is_refused_and_opens_nothing(decided, words, says):
    with pytest.raises(Refused, match=says):
        begin(**words)
    assert not Study.objects.exists()
    assert not looks().exists()


def test_people_are_several_and_may_review(decided):
    ines = person("ines")
    for people, says in (
        ((ines,), "2 to 12 different people"),
        ((ines, ines), "2 to 12 different people"),
        ((ines, person("max", "manager")), "max reviews no parts"),
    ):
        with pytest.raises(Refused, match=says):
            begin(*people)
    assert not Study.objects.exists()


def test_a_study_that_nobody_finishes_is_ended_and_hides_nothing_any_more(decided, deliver_all):
    held = begin()
    look = Review.objects.filter(study=held).first()
    assert is_hidden(look.inspection, look.assigned_to)
    study.end_study(held, by=look.assigned_to, now=timezone.now())
    assert set(Review.objects.filter(study=held).values_list("status", flat=True)) == {"WITHDRAWN"}
    assert not is_hidden(Inspection.objects.get(pk=look.inspection_id), look.assigned_to)
    with pytest.raises(Refused, match="over already"):
        study.end_study(held, by=look.assigned_to, now=timezone.now())
    assert list(inspections_trail.faults()) == []
