"""Rows that were changed behind the actions' back show against their events."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from django.utils import timezone

from qms.events import catalogue, outbox, seal
from qms.events.models import Event
from qms.inspections.models import Inspection, SubmissionKey
from qms.plant.models import DefectType
from qms.review import actions as reviews
from qms.review.models import Review
from tests import factories
from tests.factories import DEFECT, submission

REFUSED = (InternalError, ProgrammingError)


@pytest.fixture
def settled(db, deliver_all) -> Inspection:
    inspection = submission(external_id="e1")
    deliver_all()
    inspection.refresh_from_db()
    return inspection


@pytest.fixture
def decided(db, deliver_all) -> Review:
    submission(brightness=DEFECT)
    deliver_all()
    review, ines = Review.objects.get(), factories.person()
    dent = DefectType.objects.get(code="dent")
    reviews.claim(review, by=ines, now=timezone.now())
    reviews.decide(
        review, decision="NOT_OK", defect_type=dent, note="deep", by=ines, now=timezone.now()
    )
    return review


def faults() -> list[str]:
    return [fault.what for fault in seal.verify()]


def test_what_the_actions_did_is_borne_out(settled, decided):
    assert faults() == []


def test_a_decision_that_was_taken_back_is_borne_out(decided):
    reviews.undo(decided, by=decided.reviewer, now=timezone.now())
    assert faults() == []
    reviews.release(decided, by=decided.reviewer, now=timezone.now())
    assert faults() == []


def test_a_failed_inspection_is_borne_out(db, settings, deliver_all):
    inspection = submission()
    (settings.MEDIA_ROOT / inspection.picture_key).write_bytes(b"x")
    deliver_all()
    assert Inspection.objects.get().status == "FAILED"
    assert faults() == []


@pytest.mark.parametrize(
    "change", [{"evaluation": "NOT_OK"}, {"status": "JUDGED"}, {"picture_sha256": "0" * 64}]
)
def test_a_changed_inspection_is_found(settled, change):
    Inspection.objects.update(**change)
    assert any(fault.startswith("the inspection") for fault in faults())


@pytest.mark.parametrize("change", [{"note": "no matter"}, {"defect_type": None}])
def test_a_changed_review_is_found(decided, change):
    Review.objects.update(**change)
    assert any(fault.startswith(f"review {decided.pk}") for fault in faults())


def test_a_changed_decision_is_found(decided):
    Review.objects.update(decision="OK", defect_type=None)
    assert any("says OK, its events say NOT_OK" in fault for fault in faults())


def test_an_inspection_without_events_is_found(settled):
    twin = Inspection.objects.get()
    twin._state.adding, twin.pk = True, None
    twin.pk = Inspection._meta.pk.get_default()
    twin.save(force_insert=True)
    assert "the inspection has no event" in faults()


def test_a_submission_key_is_a_fact(settled):
    for change in (lambda keys: keys.update(external_id="e2"), lambda keys: keys.delete()):
        with pytest.raises(REFUSED), transaction.atomic():
            change(SubmissionKey.objects.all())


def test_a_submission_key_that_was_changed_all_the_same_is_found(settled):
    factories.behind_the_triggers("UPDATE inspections_submissionkey SET fingerprint = 'x'")
    assert "its submission key was changed" in faults()


@pytest.mark.parametrize("table", ["accounts_apikeyevent", "accounts_userevent"])
def test_the_history_of_keys_and_people_is_a_fact(db, table):
    factories.key("read")
    changes = (f"DELETE FROM {table}", f"UPDATE {table} SET pgh_label = 'x'", f"TRUNCATE {table}")
    for sql in changes:
        with pytest.raises(REFUSED), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL andon.maintenance = 'off'")
            cursor.execute(sql)


def test_events_of_an_older_release_read_back_and_are_borne_out(decided):
    """They say neither the note nor the picture; what they do not say is not held against a row."""
    pk = str(decided.inspection_id)
    told = {"inspection_id": pk, "review_id": decided.pk, "evaluation": "NOT_OK"}
    assert catalogue.ReviewDecided.from_payload(told).note is None
    assert catalogue.InspectionSubmitted.from_payload({"inspection_id": pk}).fingerprint == ""
    outbox.publish(
        catalogue.ReviewDecided.from_payload(told), now=timezone.now() + timedelta(seconds=1)
    )
    Review.objects.update(note="as it was")
    assert Event.objects.filter(name="ReviewDecided").count() == 2
    assert faults() == []
