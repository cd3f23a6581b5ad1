"""How nonconformances come to be: by a person, by rule; and what each rests on."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from qms.events.models import Event, of_nonconformances
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.quality import actions, opening, trail
from qms.quality.models import Nonconformance, NumberSeries
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories
from tests.qms.quality.conftest import reject


def rests_on(case: Nonconformance) -> list:
    standing = case.occurrences.filter(status="STANDS")
    return list(standing.values_list("inspection_id", flat=True))


def test_the_second_dent_in_a_shift_opens_one_that_rests_on_both(bad):
    first = bad("dent")
    assert not Nonconformance.objects.exists()
    second = bad("dent", seed=1)
    case = Nonconformance.objects.get()
    assert (case.scope, str(case.station), str(case.defect_type)) == ("STATION", "S1", "Dent")
    assert (case.by_rule, case.opened_by, case.status) == (True, None, "OPEN")
    assert case.number == f"NCR-{timezone.now().year}-0001"
    assert rests_on(case) == [first.inspection_id, second.inspection_id]
    assert "after 2" in case.description
    assert list(trail.faults()) == []


def test_a_third_joins_it_and_opens_no_second(bad):
    parts = [bad("dent", seed=n).inspection_id for n in range(3)]
    assert rests_on(Nonconformance.objects.get()) == parts


def test_two_in_different_shifts_or_stations_open_none(bad):
    now = timezone.now()
    bad("dent", now=now - timedelta(hours=9))
    bad("dent", now=now - timedelta(minutes=1))
    bad("dent", station=plant.ensure_station("S2"))
    assert not Nonconformance.objects.exists()


def test_two_of_one_lot_at_two_stations_open_one_of_the_lot(bad):
    for code in ("S1", "S2"):
        bad("dent", station=plant.ensure_station(code), lot="L7")
    case = Nonconformance.objects.get()
    assert (case.scope, case.lot.number) == ("LOT", "L7")


def test_one_critical_defect_is_enough_and_one_without_a_number_never(bad):
    bad("scratch")
    bad("scratch", seed=1)
    assert not Nonconformance.objects.exists()
    bad("crack", seed=2)
    assert Nonconformance.objects.get().severity == "CRITICAL"


def test_a_part_of_no_station_and_no_lot_stands_alone(bad):
    bad("crack", station=None)
    assert Nonconformance.objects.get().scope == "PART"


def test_a_type_that_was_said_of_a_finding_counts(line, deliver_all):
    inspection = factories.submission(factories.product("tile"), factories.DEFECT)
    deliver_all()
    review, ines, now = inspection.reviews.get(), factories.person("ines"), timezone.now()
    reviews.claim(review, by=ines, now=now)
    crack = DefectType.objects.get(code="crack")
    said = reviews.Said(finding=review.verdict.findings.first(), is_defect=True, defect_type=crack)
    reviews.decide(review, decision="NOT_OK", findings=[said], by=ines, now=now)
    deliver_all()
    assert Nonconformance.objects.get().defect_type == crack


def test_what_was_taken_back_leaves_and_comes_again(bad, deliver_all):
    review = bad("crack")
    case = Nonconformance.objects.get()
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    deliver_all()
    assert rests_on(case) == []
    names = [event.name for event in of_nonconformances([case.number])]
    assert names == ["NonconformanceRaised", "NonconformanceJoined", "NonconformanceLeft"]
    reject(review, "crack", deliver_all)
    assert rests_on(case) == [review.inspection_id]
    assert Nonconformance.objects.count() == 1
    assert list(trail.faults()) == []


def test_a_part_that_turns_out_to_be_of_another_type_leaves(bad, deliver_all):
    review = bad("crack")
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    reject(review, "scratch", deliver_all)
    assert rests_on(Nonconformance.objects.get()) == []


def test_a_fact_that_is_delivered_twice_changes_nothing(bad):
    review = bad("crack")
    before = Event.objects.count()
    opening.follow(review.inspection_id, now=timezone.now())
    assert Event.objects.count() == before


def test_after_it_is_closed_the_next_one_opens_another(bad):
    bad("crack")
    case, lea = Nonconformance.objects.get(), factories.person("lea", "lead")
    actions.withdraw(case, reason="a shadow", by=lea, now=timezone.now())
    bad("crack", seed=1)
    assert Nonconformance.objects.count() == 2


def look_again(review, deliver_all, *, kind: str, decision: str, **words) -> None:
    """Another answer on a part that was judged before."""
    lea, now = factories.person("lea", "lead"), timezone.now()
    look = Review.objects.create(
        inspection=review.inspection,
        verdict=review.verdict,
        product=review.product,
        station=review.station,
        kind=kind,
        reason="REPEAT" if kind == "REPEAT" else "ASKED",
        blind=True,
        assigned_to=lea if kind == "REPEAT" else None,
        of=review,
        opened_at=now,
    )
    reviews.claim(look, by=lea, now=now)
    reviews.decide(look, decision=decision, by=lea, now=now, **words)
    deliver_all()


def test_a_look_that_measures_people_opens_nothing(bad, deliver_all):
    """Its part is rejected by the answer that holds, and by now its type would open one."""
    review = bad("scratch")
    DefectType.objects.filter(code="scratch").update(raises_after=1)
    look_again(review, deliver_all, kind="REPEAT", decision="OK")
    assert not Nonconformance.objects.exists()


def test_what_ended_is_not_opened_again_by_the_same_part(bad, deliver_all):
    review, lea = bad("crack"), factories.person("lea", "lead")
    actions.withdraw(Nonconformance.objects.get(), reason="a shadow", by=lea, now=timezone.now())
    words = {"decision": "NOT_OK", "defect_type": DefectType.objects.get(code="crack")}
    look_again(review, deliver_all, kind="SECOND_OPINION", **words)
    assert Nonconformance.objects.count() == 1


def test_parts_of_an_ended_one_do_not_count_again_in_their_shift(bad):
    lea = factories.person("lea", "lead")
    for seed in range(2):
        bad("dent", seed=seed)
    actions.withdraw(Nonconformance.objects.get(), reason="a shadow", by=lea, now=timezone.now())
    third = bad("dent", seed=2)
    assert Nonconformance.objects.count() == 1
    fourth = bad("dent", seed=3)
    case = Nonconformance.objects.first()
    assert rests_on(case) == [third.inspection_id, fourth.inspection_id]


@pytest.mark.django_db(transaction=True)
def test_a_part_does_not_join_what_ends_at_the_same_moment(roles_again, bad):
    bad("crack")
    case, lea = Nonconformance.objects.get(), factories.person("lea", "lead")
    part = bad("scratch", seed=1).inspection
    part.reviews.update(defect_type=case.defect_type)

    def follow() -> None:
        try:
            opening.follow(part.pk, now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            actions.withdraw(case, reason="a shadow", by=lea, now=timezone.now())
            followed = pool.submit(follow)
            wait_until_somebody_waits()
        followed.result()
    assert case.occurrences.count() == 1
    assert rests_on(Nonconformance.objects.exclude(pk=case.pk).get()) == [part.pk]


def wait_until_somebody_waits() -> None:
    """Another connection stands at a lock that this one holds."""
    blocked = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(blocked)
            if cursor.fetchone():
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_numbers_have_no_gap_when_a_transaction_fails(raised):
    raised()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raised()
        1 / 0  # noqa: B018
    assert raised().number.endswith("-0002")


def test_a_year_begins_with_one(raised):
    NumberSeries.objects.create(year=2020, last=9)
    assert raised().number.endswith("-0001")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_numbers_without_gap_or_twin(roles_again):
    line, by = factories.product("tile"), factories.person("ines")
    lot = line.lots.create(number="L1")
    found = opening.Found(product=line, scope="LOT", lot=lot, title="rust")

    def pull(_: int) -> str:
        try:
            return opening.raise_nonconformance(found, by=by, now=timezone.now()).number
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        numbers = sorted(pool.map(pull, range(8)))
    assert [number[-4:] for number in numbers] == [f"{n:04d}" for n in range(1, 9)]


def test_a_person_raises_one_of_a_lot_and_holds_it_by_the_same_pull(raised, bad):
    case = raised(bad("scratch", lot="L7"), scope="LOT", hold_lot=True)
    case.lot.refresh_from_db()
    assert (case.lot.status, case.opened_by.username, case.by_rule) == ("HELD", "ines", False)
    assert case.number in case.lot.reason
    raised(bad("scratch", lot="L7", seed=1), scope="LOT", hold_lot=True)


def test_what_a_person_raised_takes_the_confirmed_part_in_instead_of_a_second(raised, bad):
    raised(bad("dent"), scope="STATION", defect_type=DefectType.objects.get(code="dent"))
    bad("dent", seed=1)
    assert Nonconformance.objects.get().occurrences.count() == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"title": " "}, "title"),
        ({"scope": "LOT"}, "of no lot"),
        ({"scope": "STATION", "station": None}, "of no station"),
        ({"inspection": None}, "page of an inspection"),
        ({"hold_lot": True}, "none to hold"),
    ],
)
def test_what_cannot_be_raised_is_said(raised, words, says):
    with pytest.raises(Refused, match=says):
        raised(**words)
    assert not Nonconformance.objects.exists()
