"""From dropped pictures to an active model, by the real fit of the stub detector."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from inference.thresholds import calibrate
from qms import storage
from qms.accounts import signatures
from qms.accounts.models import Meaning, Signature
from qms.inspections import enrolling, judge, trail
from qms.inspections.enrolments import Enrolment, Phase
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.partitions import key_at
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import STUB, picture

add = factories.normal


def prove(person, password: str = "a long password") -> signatures.Proof:
    return signatures.prove(
        person,
        password,
        meaning=Meaning.APPROVAL,
        reason="normals checked",
        address="127.0.0.1",
        now=timezone.now(),
    )


def activate(enrolment: Enrolment, person) -> ModelVersion:
    return enrolling.activate(
        enrolment, seen=enrolment.candidate_id, proof=prove(person), now=timezone.now()
    )


# --- pictures ---


def test_the_same_picture_twice_counts_once(tile, lead):
    first, is_new = add(tile, lead, picture(seed=1), "a.png")
    again, is_new_again = add(tile, lead, picture(seed=1), "b.png")
    assert (is_new, is_new_again) == (True, False)
    assert again == first
    assert len(storage.names(f"enrolments/{first.enrolment_id}")) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (picture()[:200], "cut off|damaged|not a picture"),
        (b"\0" * 100, "not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_and_begins_nothing(tile, lead, data, says):
    with pytest.raises(judge.BadPicture, match=says):
        add(tile, lead, data)
    assert not Enrolment.objects.exists()


def test_a_picture_that_is_too_large_is_refused(tile, lead, settings):
    settings.MAX_PICTURE_MB = 0
    with pytest.raises(judge.BadPicture, match="larger"):
        add(tile, lead, picture())


@pytest.mark.django_db(transaction=True)
def test_two_people_who_drop_at_once_share_one_enrolment(tile, lead):
    other = factories.person("max", "manager")

    def one(n: int) -> None:
        add(tile, lead if n % 2 else other, picture(seed=n // 4), f"{n}.png")
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(16)))
    enrolment = Enrolment.objects.get()
    assert enrolment.pictures.count() == 4
    assert len(storage.names(f"enrolments/{enrolment.pk}")) == 4


@pytest.mark.django_db(transaction=True)
def test_a_removed_picture_leaves_the_file_store(drop):
    enrolment = drop(3)
    gone = enrolment.pictures.first()
    assert enrolling.remove_pictures(enrolment, [gone.pk, 10**9]) == 1
    assert not storage.exists(gone.key)
    enrolling.start_over(enrolment)
    assert storage.names(f"enrolments/{enrolment.pk}") == []


def test_files_that_never_got_their_row_are_dropped_a_day_later(drop):
    enrolment = drop(2)
    orphan = f"enrolments/{enrolment.pk}/{key_at(timezone.now(), 'lost')}.png"
    storage.keep(orphan, picture())
    assert enrolling.drop_orphans(now=timezone.now()) == 0
    assert enrolling.drop_orphans(now=timezone.now() + timedelta(days=2)) == 1
    assert not storage.exists(orphan)
    assert len(storage.names(f"enrolments/{enrolment.pk}")) == 2


# --- the end ---


def test_an_activated_model_judges(fit, lead, tile, deliver_all):
    enrolment = fit()
    version = activate(enrolment, lead)
    enrolment.refresh_from_db()
    assert (enrolment.status, version.status) == (Phase.ACTIVATED, "ACTIVE")
    signature = Signature.objects.get()
    assert (signature.record, signature.meaning) == (str(version), Meaning.APPROVAL)
    assert Enrolment.open_of(tile) is None
    inspection = factories.submission(tile, factories.DEFECT)
    deliver_all()
    assert Inspection.objects.get(pk=inspection.pk).verdicts.get().evaluation == "NOT_OK"


def test_a_model_that_was_not_signed_for_is_found(fit, lead):
    activate(fit(), lead)
    assert list(trail.faults()) == []
    factories.behind_the_triggers("UPDATE registry_modelversion SET sha256 = repeat('0', 64)")
    (fault,) = trail.faults()
    assert "is not what was signed" in fault.what


def test_a_wrong_password_activates_nothing(fit, lead):
    enrolment = fit()
    with pytest.raises(Refused, match="password is not right"):
        prove(lead, "wrong")
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.READY


def test_two_who_activate_at_once_sign_once(fit, lead):
    enrolment = fit()
    activate(enrolment, lead)
    with pytest.raises(Refused, match="look at it again"):
        activate(enrolment, factories.person("max", "manager"))
    assert Signature.objects.count() == 1


def test_what_was_not_seen_cannot_be_activated(fit, lead):
    enrolment = fit()
    with pytest.raises(Refused, match="look at it again"):
        enrolling.activate(enrolment, seen=0, proof=prove(lead), now=timezone.now())


def test_a_candidate_of_other_pictures_is_fitted_again_first(fit, lead, deliver_all):
    enrolment = fit(24)
    bad = enrolment.pictures.order_by("-score").first()
    enrolling.remove_pictures(enrolment, [bad.pk])
    with pytest.raises(Refused, match="fit again"):
        activate(enrolment, lead)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert activate(enrolment, lead).number == 2


def test_the_next_enrolment_begins_with_its_first_picture(fit, lead, tile):
    first = fit()
    activate(first, lead)
    add(tile, lead, picture(seed=1000))
    second = Enrolment.open_of(tile)
    assert second.pk != first.pk
    assert second.pictures.count() == 1


# --- what a person is told beforehand ---


@pytest.mark.parametrize(("count", "rate"), judge.PROMISED.items())
def test_the_promises_that_are_named_are_those_that_are_made(count, rate):
    assert f"false calls <= {rate:g} %" in calibrate(list(range(1, count + 1))).promise


def test_pictures_have_one_name_together_whatever_their_order(drop):
    enrolment = drop(3)
    shas = sorted(enrolment.pictures.values_list("sha256", flat=True))
    assert enrolment.pictures_digest == hashlib.sha256(" ".join(shas).encode()).hexdigest()


def test_names_are_kept_to_their_end(tile, lead):
    long = "folder/" * 60 + "part.png"
    found, _ = add(tile, lead, picture(), long)
    assert Path(found.name).name == "part.png"
    assert len(found.name) == 255
