"""Lots that are held and let go, and what was changed behind everybody's back."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg2.extras import Json

from qms.accounts.models import Signature
from qms.events.models import Event
from qms.lifecycle import Refused
from qms.plant.models import Lot
from qms.quality import actions, lots, trail
from qms.quality.models import Contained, CorrectiveAction, Nonconformance
from qms.review import actions as reviews
from tests.factories import behind_the_triggers, person, product
from tests.qms.quality.conftest import agree, contain, dispose, faults, proof

# --- lots ---


def test_a_lot_of_a_long_name_is_let_go(db):
    lot = product("P" * 64).lots.create(number="L" * 64)
    lea = person("lea", "lead")
    lots.hold(lot, reason="a doubt", by=lea, now=timezone.now())
    lots.let_go(lot, "RELEASED", proof=proof(lea), now=timezone.now())
    assert lot.status == "RELEASED"


def test_a_lot_is_let_go_under_a_signature_and_not_while_it_is_doubted(raised, bad):
    case = raised(bad("scratch", lot="L7"), scope="LOT", hold_lot=True)
    lot, mara = case.lot, person("mara", "mrb")
    lot.refresh_from_db()
    with pytest.raises(Refused, match="doubts the whole lot"):
        lots.let_go(lot, "RELEASED", proof=proof(mara), now=timezone.now())
    assert not Signature.objects.exists()
    contain(case)
    dispose(case, "SORT")
    lots.let_go(lot, "RELEASED", proof=proof(mara, "all sorted"), now=timezone.now())
    assert (lot.status, lot.reason) == ("RELEASED", "all sorted")
    assert Signature.objects.filter(record="lot L7 of tile", person=mara).exists()


def test_a_lot_counts_what_is_settled(good, bad):
    good(lot="L7")
    review = bad("scratch", lot="L7", seed=1)
    bad("scratch", lot="L8", seed=2)
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    lot = product("tile").lots.get(number="L7")
    assert lots.counts([lot]) == {lot.pk: lots.LotCount(2, 1, 0, 0, 1)}


# --- the trail ---


@pytest.mark.parametrize(
    ("model", "change", "says"),
    [
        (Nonconformance, {"status": "CONTAINED", "dispositioned_at": None, "dispositioned_by": None}, "its events say DISPOSITIONED"),
        (Contained, {"disposition": None}, "another disposition on line 1"),
        (Nonconformance, {"number": "NCR-1999-0001"}, "has no event"),
    ],
)  # fmt: skip
def test_what_was_changed_behind_the_actions_back_is_found(raised, model, change, says):
    case = raised()
    contain(case)
    dispose(case)
    model.objects.update(**change)
    assert any(says in fault.what for fault in trail.faults())


@pytest.mark.parametrize(
    ("model", "change", "says"),
    [
        (Nonconformance, {"root_cause": "another"}, "another root cause"),
        (Nonconformance, {"severity": "MINOR"}, "another severity"),
        (Nonconformance, {"title": "another"}, "another title"),
        (Nonconformance, {"containment": "elsewhere"}, "another containment"),
        (CorrectiveAction, {"note": "it helped"}, "of whose note its events tell otherwise"),
        (CorrectiveAction, {"status": "CANCELLED"}, "of whose status its events"),
        (Lot, {"status": "RELEASED"}, "lot L7 says RELEASED"),
    ],
)
def test_words_actions_and_lots_are_held_against_their_events(raised, bad, model, change, says):
    case, lea = raised(bad("scratch", lot="L7"), hold_lot=True), person("lea", "lead")
    contain(case)
    actions.describe(case, root_cause="worn tool", by=lea, now=timezone.now())
    agree(case)
    assert faults() == []
    model.objects.update(**change)
    assert any(says in fault.what for fault in trail.faults())


def test_a_disposition_that_is_not_what_was_signed_is_found(raised):
    case = raised()
    contain(case)
    dispose(case, "SCRAP")
    behind_the_triggers("UPDATE quality_disposition SET reason = 'another'")
    assert any("not what was signed" in fault.what for fault in trail.faults())


@pytest.mark.parametrize(
    "change",
    [{"status": "CONTAINED"}, {"status": "CLOSED"}, {"by_rule": True}, {"scope": "LOT"}],
)
def test_the_database_refuses_a_state_without_its_name_and_date(raised, change):
    raised()
    with pytest.raises(IntegrityError), transaction.atomic():
        Nonconformance.objects.update(**change)


def test_a_lot_that_was_let_go_otherwise_than_signed_is_found(db):
    lot, lea = product().lots.create(number="L1"), person("lea", "lead")
    lots.hold(lot, reason="a doubt", by=lea, now=timezone.now())
    lots.let_go(lot, "RELEASED", proof=proof(lea), now=timezone.now())
    assert list(trail.faults()) == []
    move = Event.objects.get(name="LotMoved", payload__status="RELEASED")
    changed = Json({**move.payload, "status": "OPEN"})
    behind_the_triggers("UPDATE events_event SET payload = %s WHERE id = %s", changed, move.pk)
    assert any("otherwise than was signed" in fault.what for fault in trail.faults())
