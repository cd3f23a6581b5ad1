"""What the file store remembers of the chain, and what it does when the chain says otherwise."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from qms import storage
from qms.events import catalogue, outbox, relay, seal, witness
from qms.events.models import ChainHead, Delivery, Event


def publish(count: int, *, minutes_ago: int = 0) -> None:
    now = timezone.now() - timedelta(minutes=minutes_ago)
    with transaction.atomic():
        for n in range(count):
            outbox.publish(catalogue.HourStruck(hour=f"h{n}"), now=now)
    seal.seal()


def said(name: str = witness.LATEST) -> dict:
    return json.loads(storage.read(name))


def rewrite(number: int, digest: str) -> None:
    """As if the chain had been made anew: the file store remembers another one."""
    told = {"number": number, "digest": digest, "at": "then"}
    storage.keep(witness.LATEST, json.dumps(told).encode())


def faults() -> list[str]:
    return [fault.what for fault in seal.verify()]


def test_a_witness_follows_the_chain(db):
    publish(2)
    witness.leave(now=timezone.now())
    publish(1)
    witness.leave(now=timezone.now())
    assert said()["number"] == 3
    assert faults() == []


def test_the_witness_of_an_hour_is_never_overwritten(db):
    now = timezone.now()
    for _ in range(2):
        publish(1)
        witness.leave(now=now)
    assert said(f"seals/{now:%Y/%m/%d/%H}.json")["number"] == 1


def test_an_empty_chain_leaves_no_witness(db):
    witness.leave(now=timezone.now())
    assert storage.names_below("seals") == []


def test_a_witness_that_the_chain_contradicts_is_kept_and_refused(db):
    publish(2)
    rewrite(1, "f" * 64)
    with pytest.raises(witness.TrailBroken, match="lacks event 1"):
        witness.leave(now=timezone.now())
    assert said()["digest"] == "f" * 64
    assert any("file store remembers" in fault for fault in faults())


def test_every_witness_is_checked_not_the_latest_alone(db):
    publish(2)
    witness.leave(now=timezone.now())
    told = {"number": 1, "digest": "f" * 64, "at": "then"}
    storage.keep("seals/2020/01/31/08.json", json.dumps(told).encode())
    assert any(fault.startswith("seals/2020/01/31/08.json") for fault in faults())


def test_a_witness_that_cannot_be_read_is_a_fault(db):
    publish(1)
    storage.keep(witness.LATEST, b"{")
    assert any("no witness any more" in fault for fault in faults())


def test_a_latest_witness_that_is_gone_is_a_fault(db):
    publish(1, minutes_ago=30)
    witness.leave(now=timezone.now() - timedelta(minutes=29))
    storage.drop(witness.LATEST)
    assert any("is gone" in fault for fault in faults())
    with pytest.raises(witness.TrailBroken, match="is gone"):
        witness.leave(now=timezone.now())


def test_a_latest_witness_that_is_gone_is_a_fault_in_a_new_house_too(db):
    publish(1)
    witness.leave(now=timezone.now())
    storage.drop(witness.LATEST)
    assert any("is gone" in fault for fault in faults())


def test_a_new_house_needs_no_witness_yet(db):
    publish(1)
    assert faults() == []


def test_a_new_witness_is_left_on_demand(db):
    publish(1, minutes_ago=30)
    call_command("verify_events", new_witness=True, stdout=StringIO())
    assert said()["number"] == 1


def test_a_new_witness_does_not_replace_one_that_contradicts(db):
    publish(1, minutes_ago=30)
    rewrite(1, "f" * 64)
    with pytest.raises(CommandError, match="lacks event 1"):
        call_command("verify_events", new_witness=True, stdout=StringIO())


def test_the_relay_leaves_a_witness_at_once_and_then_after_many_events(db):
    runner = relay.Relay()
    publish(1)
    runner.leave_witness()
    assert said()["number"] == 1
    publish(relay.WITNESS_EVENTS - 1)
    runner.leave_witness()
    assert said()["number"] == 1
    publish(1)
    runner.leave_witness()
    assert said()["number"] == relay.WITNESS_EVENTS + 1


def test_a_head_that_lags_behind_its_chain_is_a_fault(db):
    publish(3)
    second = Event.objects.get(number=2)
    ChainHead.objects.update(number=2, digest=second.digest)
    assert any("the chain ends at 3, its head says 2" in fault for fault in faults())


def test_a_chain_that_does_not_hold_is_an_alarm_at_once(db, deliver_all):
    publish(2)
    rewrite(1, "f" * 64)
    relay.look_round()
    deliver_all()
    letters = Delivery.objects.filter(dead_at__isnull=False, attempts=1)
    assert {letter.handler for letter in letters} == {"events.leave_witness"}
    assert all("lacks event 1" in letter.error for letter in letters)
