"""Contain, dispose, mend, close: each by whom it may be done, and none half."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from qms.accounts.models import Signature
from qms.events.models import Event
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.quality import actions, containment, trail
from qms.quality.models import Contained, Disposition, Nonconformance
from qms.review import actions as reviews
from tests.factories import behind_the_triggers, person
from tests.qms.quality.conftest import contain, dispose, faults


def listed(case) -> list:
    return list(containment.in_doubt(case).values_list("pk", flat=True))


# --- the containment list ---


def test_everything_of_the_station_since_the_last_good_part_is_in_doubt(good, bad):
    good()
    after = good(seed=1)
    first = bad("crack", seed=2).inspection
    later, elsewhere = good(seed=3), good(seed=4, station=plant.ensure_station("S2"))
    case = Nonconformance.objects.get()
    assert containment.last_good(case) == after
    assert listed(case) == [first.pk, later.pk]
    assert elsewhere.pk not in listed(case)


def test_a_part_that_is_not_settled_or_of_another_product_is_no_last_good(good, bad):
    last = good()
    Inspection.objects.filter(pk=good(seed=1).pk).update(status="IN_REVIEW", settled_at=None)
    bad("crack", seed=2)
    assert containment.last_good(Nonconformance.objects.get()) == last


def test_without_a_good_part_all_of_the_station_is_in_doubt(good, bad):
    first = bad("scratch")
    second = bad("crack", seed=1)
    assert listed(Nonconformance.objects.get()) == [first.inspection_id, second.inspection_id]


def test_the_first_bad_part_of_the_rule_counts_not_the_one_that_opened_it(good, bad):
    first, between, second = bad("dent"), good(seed=1), bad("dent", seed=2)
    case = Nonconformance.objects.get()
    assert listed(case) == [first.inspection_id, between.pk, second.inspection_id]


def test_everything_of_the_lot_is_in_doubt(raised, bad, good):
    inside, outside = good(lot="L7"), good(lot="L8", seed=1)
    case = raised(bad("scratch", lot="L7", seed=2), scope="LOT")
    assert inside.pk in listed(case)
    assert outside.pk not in listed(case)


def test_the_list_is_read_by_an_index(raised):
    """With statistics of many parts it would be chosen; here the other way is forbidden."""
    case = raised(scope="STATION")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = containment.in_doubt(case).explain()
    assert "Index" in plan
    assert "Seq Scan on inspections" not in plan


def test_what_is_contained_stays_as_it_was(raised, good):
    case = raised(scope="STATION")
    assert contain(case) == 1
    line = case.lines.get()
    assert (line.evaluation, case.status, case.containment) == (
        "NOT_OK", "CONTAINED", "behind the red tape"
    )  # fmt: skip
    for change in ({"evaluation": "OK"}, {"number": 7}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Contained.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Contained.objects.all().delete()


def test_what_comes_later_is_added_and_is_not_decided_yet(raised, good):
    case = raised(scope="STATION")
    contain(case)
    dispose(case)
    assert case.status == "DISPOSITIONED"
    with pytest.raises(Refused, match="Nothing new"):
        contain(case)
    good(seed=5)
    assert contain(case) == 1
    assert (case.status, case.dispositioned_at) == ("CONTAINED", None)
    assert [line.number for line in case.lines.all()] == [1, 2]
    assert faults() == []


def test_a_further_bad_part_joins_the_frozen_list_by_itself(bad):
    bad("crack")
    case = Nonconformance.objects.get()
    contain(case)
    dispose(case)
    bad("crack", seed=1)
    case.refresh_from_db()
    assert (case.status, case.lines.count()) == ("CONTAINED", 2)
    assert faults() == []


def test_to_contain_says_how(raised):
    with pytest.raises(Refused, match="kept apart"):
        contain(raised(), text=" ")


# --- dispositions ---


def test_a_disposition_is_signed_and_moves_the_case(raised):
    case = raised()
    contain(case)
    done = dispose(case, "REWORK")
    assert case.status == "DISPOSITIONED"
    assert case.lines.get().disposition == done
    assert (done.parts, done.signature.meaning, done.reason) == (1, "APPROVAL", "as agreed")
    assert done.signature.digest == Event.objects.get(name="PartsDispositioned").payload["digest"]
    assert faults() == []


def test_nothing_is_disposed_before_it_is_contained(raised):
    case = raised()
    with pytest.raises(Refused, match="Contain it first"):
        dispose(case)
    assert not Signature.objects.exists()


@pytest.mark.parametrize("kind", ["USE_AS_IS", "REPAIR", "REGRADE"])
def test_a_concession_needs_the_board(raised, kind):
    case = raised()
    contain(case)
    with pytest.raises(Refused, match="material review board signs it"):
        dispose(case, kind)
    assert not Signature.objects.exists()
    dispose(case, kind, by=person("mara", "mrb"))
    assert case.status == "DISPOSITIONED"


def test_one_part_by_itself_and_the_rest_together_and_the_latest_holds(bad):
    parts = [bad("dent", seed=n) for n in range(3)]
    case = Nonconformance.objects.get()
    contain(case)
    first, second, _ = case.lines.all()
    dispose(case, "SCRAP", covers="ONE", line=first)
    assert case.status == "CONTAINED"
    dispose(case, "REWORK")
    assert [line.disposition.kind for line in case.lines.all()] == ["SCRAP", "REWORK", "REWORK"]
    dispose(case, "RELEASE", covers="ONE", line=second)
    assert [line.disposition.kind for line in case.lines.all()] == ["SCRAP", "RELEASE", "REWORK"]
    assert Event.objects.filter(subject=parts[1].inspection_id, name="PartsDispositioned").exists()
    with pytest.raises(Refused, match="No part is left"):
        dispose(case, "SCRAP")
    dispose(case, "SCRAP", covers="ALL")
    assert {line.disposition.kind for line in case.lines.all()} == {"SCRAP"}
    assert faults() == []


def test_a_part_on_hold_is_not_decided_for_good(raised):
    case = raised()
    contain(case)
    dispose(case, "HOLD")
    assert case.status == "CONTAINED"
    dispose(case, "SCRAP")
    assert case.status == "DISPOSITIONED"
    dispose(case, "HOLD", covers="ALL")
    assert (case.status, case.dispositioned_by) == ("CONTAINED", None)
    assert faults() == []


def test_the_boards_word_stands_above_all_others_and_both_are_kept(raised, bad, deliver_all):
    review = bad("scratch")
    case = raised(review)
    contain(case)
    mara, line = person("mara", "mrb"), case.lines.get()
    done = dispose(case, "USE_AS_IS", by=mara, ruling="OK", covers="ONE", line=line)
    deliver_all()
    review.inspection.refresh_from_db()
    assert (done.ruling, review.inspection.evaluation) == ("OK", "OK")
    said = dict(review.inspection.reviews.values_list("kind", "decision"))
    assert said == {"VERIFY": "NOT_OK", "BOARD": "OK"}
    assert case.occurrences.get().status == "TAKEN_BACK"
    assert faults() == []


def test_a_ruling_is_for_the_board_and_of_one_part(raised, bad, good):
    good(lot="L1")
    case = raised(bad("scratch", lot="L1", seed=1), scope="LOT")
    contain(case)
    with pytest.raises(Refused, match="for the material review board"):
        dispose(case, ruling="OK")
    with pytest.raises(Refused, match="of one part"):
        dispose(case, ruling="OK", by=person("mara", "mrb"))
    assert not Disposition.objects.exists()


def test_a_ruling_that_is_refused_leaves_no_signature(raised, bad):
    review = bad("scratch")
    case = raised(review)
    contain(case)
    reviews.undo(review, by=review.reviewer, now=timezone.now())
    mara, line = person("mara", "mrb"), case.lines.get()
    with pytest.raises(Refused, match="still to decide"):
        dispose(case, ruling="OK", by=mara, covers="ONE", line=line)
    assert not Signature.objects.exists()
    assert case.lines.get().disposition is None


def test_a_ruling_names_its_part_even_if_it_is_the_last_one_left(raised):
    case = raised()
    contain(case)
    with pytest.raises(Refused, match="choose that part alone"):
        dispose(case, ruling="OK", by=person("mara", "mrb"))
    assert not Signature.objects.exists()


def test_a_signature_names_the_parts_that_it_covers(bad):
    for seed in range(2):
        bad("dent", seed=seed)
    case = Nonconformance.objects.get()
    contain(case)
    first, second = case.lines.all()
    dispose(case, "SCRAP", covers="ONE", line=first)
    done = dispose(case, "REWORK")
    assert done.lines_digest == containment.digest_of([(2, second.inspection_id)])
    assert actions.content_of(done)["lines"] == done.lines_digest
    assert faults() == []
    behind_the_triggers("UPDATE quality_contained SET number = 7 WHERE id = %s", second.pk)
    assert any("signed for other lines" in fault.what for fault in trail.faults())
