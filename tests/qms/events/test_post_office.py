"""The post office: outbox, claim, lease, fence, back-off, dead letters."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from qms.events import catalogue, courier, deadletters, outbox, relay
from qms.events.models import Delivery, Event, unfinished
from qms.events.outbox import Step, step_named
from qms.inspections.models import Inspection, Verdict
from qms.lifecycle import Refused
from tests.factories import DEFECT, model, picture, product, submission

JUDGE = "inspections.judge_inspection"


def make_due() -> None:
    """Let the back-offs and leases of all that is unfinished run out."""
    unfinished().update(due_at=timezone.now() - timedelta(seconds=1))


def test_publish_outside_a_transaction_is_refused(transactional_db):
    with pytest.raises(RuntimeError, match="in the transaction"):
        outbox.publish(catalogue.HourStruck(hour="2026-01-01T00"), now=timezone.now())
    assert not Event.objects.exists()


def test_a_rolled_back_change_leaves_no_event(transactional_db):
    class Changed(Exception):
        pass

    with pytest.raises(Changed), transaction.atomic():
        outbox.publish(catalogue.HourStruck(hour="2026-01-01T00"), now=timezone.now())
        raise Changed
    assert not Event.objects.exists()
    assert not Delivery.objects.exists()


def test_an_event_reads_back_as_it_was_published(db):
    fact = catalogue.InspectionJudged(inspection_id=uuid4(), verdict_id=uuid4(), evaluation="OK")
    row = outbox.publish(fact, now=timezone.now(), actor="line 1")
    row.refresh_from_db()
    assert row.as_fact() == fact
    assert row.subject == fact.inspection_id
    assert row.actor == "line 1"


def test_a_claim_takes_what_is_due_once_and_only_up_to_the_batch(db):
    for n in range(40):
        submission(seed=n)
    step = step_named(JUDGE)
    first, second, third = courier.claim(step), courier.claim(step), courier.claim(step)
    assert [len(first), len(second), len(third)] == [32, 8, 0]
    assert not {p.delivery_id for p in first} & {p.delivery_id for p in second}


def one_tried_before_and_two_fresh() -> None:
    for n in range(3):
        submission(seed=n)
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(attempts=2)


def test_what_failed_before_comes_alone_and_after_fresh_work(db):
    one_tried_before_and_two_fresh()
    step = step_named(JUDGE)
    assert [len(courier.claim(step)) for _ in range(3)] == [2, 1, 0]


def test_at_its_turn_what_failed_before_does_not_wait_for_fresh_work(db):
    one_tried_before_and_two_fresh()
    step = step_named(JUDGE)
    assert [len(courier.claim(step, repeats_first=True)) for _ in range(3)] == [1, 2, 0]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_each_delivery_goes_to_one():
    for n in range(20):
        submission(seed=n)
    step, claimed, barrier = step_named(JUDGE), [], threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        small = Step(then=step.then, batch=2)
        while parcels := courier.claim(small):
            claimed.extend(p.delivery_id for p in parcels)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(claimed) == sorted(Delivery.objects.values_list("pk", flat=True))
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_a_worker_paused_beyond_its_lease_writes_nothing(db):
    inspection = submission(brightness=DEFECT)
    step = step_named(JUDGE)
    slow = courier._next_batch(step)  # a worker takes it, gathers the picture and is paused
    make_due()
    assert courier.deliver_once(JUDGE) == 1  # another one does the work
    (verdict,) = Verdict.objects.all()

    courier._deliver(step, slow)  # the first one wakes up and finishes
    assert Verdict.objects.get() == verdict
    assert Event.objects.filter(name="InspectionJudged", subject=inspection.pk).count() == 1


def test_a_lost_lease_does_not_undo_the_present_holders_claim(db):
    submission()
    step = step_named(JUDGE)
    (old,) = courier.claim(step)
    make_due()
    (new,) = courier.claim(step)
    deadletters.put_back(old.delivery_id, old.token, error=ValueError("late"))
    held = Delivery.objects.get(pk=new.delivery_id)
    assert (held.token, held.error) == (new.token, "")


def test_a_failing_delivery_waits_longer_each_time_and_then_dies_with_an_alarm(db, settings):
    inspection = submission()
    (settings.MEDIA_ROOT / inspection.picture_key).unlink()
    waits = []
    for _ in range(deadletters.MAX_ATTEMPTS):
        make_due()
        before = timezone.now()
        courier.deliver_once(JUDGE)
        delivery = Delivery.objects.get(event__subject=inspection.pk)
        waits.append(delivery.due_at - before)
    assert delivery.dead_at is not None
    assert "FileNotFoundError" in delivery.error
    assert waits[:4] == sorted(waits[:4])
    assert waits[3] > timedelta(seconds=15)
    assert Event.objects.filter(name="DeliveryDied").count() == 1


def test_a_dead_judging_is_said_on_the_inspection_and_a_revived_one_is_judged(
    db, settings, deliver_all
):
    inspection = submission()
    place = settings.MEDIA_ROOT / inspection.picture_key
    kept = place.read_bytes()
    place.unlink()
    Delivery.objects.update(attempts=deadletters.MAX_ATTEMPTS - 1)
    deliver_all()
    inspection.refresh_from_db()
    assert inspection.status == "FAILED"
    assert "FileNotFoundError" in inspection.error

    place.write_bytes(kept)
    (dead,) = Delivery.objects.filter(dead_at__isnull=False)
    deadletters.revive(dead, now=timezone.now(), actor="ada")
    deliver_all()
    inspection.refresh_from_db()
    assert (inspection.status, inspection.evaluation, inspection.error) == ("SETTLED", "OK", "")
    with pytest.raises(Refused):
        deadletters.revive(dead, now=timezone.now(), actor="ada")


def test_one_poisoned_picture_holds_back_none_of_its_batch(db, settings, deliver_all):
    rows = [submission(seed=n) for n in range(6)]
    (settings.MEDIA_ROOT / rows[2].picture_key).write_bytes(picture()[:50])
    deliver_all()
    states = list(Inspection.objects.order_by("id").values_list("status", flat=True))
    assert states == ["SETTLED", "SETTLED", "FAILED", "SETTLED", "SETTLED", "SETTLED"]


def test_a_picture_that_no_try_can_mend_is_a_dead_letter_after_the_first(db, settings, deliver_all):
    inspection = submission()
    (settings.MEDIA_ROOT / inspection.picture_key).write_bytes(picture()[:50])
    deliver_all()
    letter = Delivery.objects.get(event__subject=inspection.pk, handler=JUDGE)
    assert (letter.attempts, letter.token, letter.dead_at is None) == (1, None, False)
    assert letter.error.startswith("The picture is damaged or cut off")


def test_a_batch_that_breaks_as_one_is_done_one_by_one():
    def slow(items):
        if len(items) > 1 or items == [3]:
            raise ValueError(f"cannot take {items}")
        return [item * 10 for item in items]

    parcels = [courier.Parcel(n, catalogue.HourStruck(hour=str(n)), 1, uuid4()) for n in range(5)]
    batch = courier._apart(courier._through(slow, parcels, list(range(5))))
    assert [parcel.outcome for parcel in batch.parcels] == [0, 10, 20, 40]
    assert [parcel.delivery_id for parcel in batch.failed] == [3]


def test_work_whose_workers_died_each_time_is_buried(db):
    inspection = submission()
    for _ in range(deadletters.MAX_ATTEMPTS):
        make_due()
        assert len(courier.claim(step_named(JUDGE))) == 1  # and the worker dies without a word
    assert deadletters.bury_worn_out(now=timezone.now()) == 0  # its last lease still runs
    make_due()
    assert deadletters.bury_worn_out(now=timezone.now()) == 1
    dead = Delivery.objects.get(event__subject=inspection.pk)
    assert dead.dead_at is not None
    assert "worker died" in dead.error


def test_the_hour_strikes_once_however_many_relays_look(db):
    relay.look_round()
    relay.look_round()
    assert Event.objects.filter(name="HourStruck").count() == 1


def test_house_keeping_runs_through_the_flow(db, deliver_all):
    relay.look_round()
    deliver_all()
    assert not unfinished().exists()
    assert not Delivery.objects.filter(dead_at__isnull=False).exists()


def test_a_ring_for_an_unknown_handler_or_a_dead_broker_does_not_stop_the_relay(db, settings):
    relay.ring_all([("gone.handler", 3)])


def test_two_models_of_one_product_cannot_both_be_active(db):
    tile = product()
    first, second = model(tile), model(tile)
    first.refresh_from_db()
    assert (first.status, second.status) == ("RETIRED", "ACTIVE")


def hear(event: catalogue.InspectionSettled) -> None:
    """Whatever a handler does."""


CHOOSY = {
    catalogue.InspectionSettled: [Step(then=hear, only=lambda fact: fact.evaluation == "NOT_OK")]
}


def test_a_step_that_hears_only_some_facts_gets_no_delivery_of_the_others(settings, db):
    settings.EVENT_FLOW = "tests.qms.events.test_post_office.CHOOSY"
    with transaction.atomic():
        for evaluation in ("OK", "NOT_OK"):
            outbox.publish(
                catalogue.InspectionSettled(inspection_id=uuid4(), evaluation=evaluation),
                now=timezone.now(),
            )
    (delivery,) = Delivery.objects.all()
    assert delivery.event.payload["evaluation"] == "NOT_OK"
