"""FitBegun to a candidate, by the real fit: its faults, its worker's death, its lease."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from qms import storage
from qms.events import courier, deadletters
from qms.events.models import Delivery, Event, unfinished
from qms.events.outbox import step_named
from qms.events.renewal import renew, renewed
from qms.inspections import enrolling, fitting
from qms.inspections.enrolments import Enrolment, Phase, Stage
from qms.lifecycle import Refused
from qms.plant.models import DefectType
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import STUB, picture

add = factories.normal
FIT = "inspections.finish_fit"


def test_normals_become_a_candidate_with_a_promise(fit):
    enrolment = fit(24)
    version = enrolment.candidate
    assert (enrolment.status, version.status, version.detector) == ("READY", "CANDIDATE", "stub")
    assert version.promise == "with 24 held-out normals: false calls <= 11.8 % at 95 % confidence"
    assert len(enrolment.calibration) == 24
    assert enrolment.threshold_ok <= enrolment.threshold_not_ok
    types = DefectType.objects.filter(product=enrolment.product).order_by("pk")
    assert [one.code for one in types] == ["scratch", "deep_dent"]
    assert types[0].colour != types[1].colour
    assert not list((django_settings.VAR / "fit").iterdir())


def test_the_oddest_normal_is_known_by_its_own_score(tile, lead, fit, drop):
    odd, _ = add(tile, lead, picture(60, seed=99), "odd.png")
    enrolment = fit(24)
    assert enrolment.pictures.order_by("-score").first() == odd
    assert odd.enrolment.pictures.get(pk=odd.pk).score == max(enrolment.calibration)


def test_too_few_pictures_are_refused_before_any_work(drop, lead):
    enrolment = drop(19)
    with pytest.raises(Refused, match="add 1 more"):
        enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    assert not unfinished().exists()
    assert Enrolment.objects.get().status == Phase.COLLECTING


def test_a_promise_beyond_the_pictures_fails_with_what_is_needed(fit, drop, lead, deliver_all):
    enrolment = fit(20, enrolling.Plan(detector="stub", promise_rate=0.05))
    assert enrolment.status == Phase.FAILED
    assert "59 independent held-out normals are needed" in enrolment.message
    assert enrolment.pictures.count() == 20
    drop(40, start=20)
    plan = enrolling.Plan(detector="stub", promise_rate=0.05)
    enrolling.begin_fit(enrolment, plan, by=lead, now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.READY
    assert "false calls <= 4.9 %" in enrolment.candidate.promise


@pytest.mark.parametrize(
    "plan",
    [
        enrolling.Plan(detector="memory", backbone="timm:no-such-model"),
        enrolling.Plan(detector="magic"),
    ],
)
def test_a_name_that_nobody_knows_fails_in_one_sentence(fit, plan):
    enrolment = fit(20, plan)
    assert enrolment.status == Phase.FAILED
    assert enrolment.message[0].isupper()
    assert "Traceback" not in enrolment.message
    assert Event.objects.filter(name="FitFailed").count() == 1


def test_a_picture_that_went_missing_is_called_by_its_name(drop, lead, deliver_all):
    enrolment = drop(20)
    storage.drop(enrolment.pictures.get(name="normal 7.png").key)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.FAILED
    assert enrolment.message.startswith("normal 7.png is not in the file store")


def test_a_picture_that_is_broken_is_called_by_its_name(drop, lead, deliver_all):
    enrolment = drop(20)
    storage.keep(enrolment.pictures.get(name="normal 7.png").key, b"broken")
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.message.startswith("normal 7.png: ")
    assert str(django_settings.VAR) not in enrolment.message


def test_of_two_who_fit_at_once_one_is_told_so(drop, lead):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    with pytest.raises(Refused, match="is being fitted"):
        enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    assert unfinished().count() == 1


def test_pictures_stand_still_while_they_are_fitted(tile, drop, lead):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    with pytest.raises(Refused, match="cancel the fit"):
        add(tile, lead, picture(seed=999))
    with pytest.raises(Refused, match="cancel the fit"):
        enrolling.start_over(enrolment)
    assert enrolment.pictures.count() == 20


def test_a_cancelled_fit_stops_at_its_next_word_and_keeps_the_pictures(drop, lead, deliver_all):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    enrolling.cancel_fit(enrolment, by=lead, now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.CANCELLED
    assert enrolment.pictures.count() == 20
    assert not ModelVersion.objects.exists()
    assert not django_settings.ARTEFACTS.exists()
    with pytest.raises(Refused, match="nothing to cancel"):
        enrolling.cancel_fit(enrolment, by=lead, now=timezone.now())


def test_what_an_older_fit_still_says_is_not_heard(drop, lead):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    enrolling.cancel_fit(enrolment, by=lead, now=timezone.now())
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    now = timezone.now()
    word = {"stage": Stage.LEARNING, "done": 1, "total": 2, "now": now}
    assert not enrolling.note_progress(enrolment.pk, 1, **word)
    assert enrolling.note_progress(enrolment.pk, 2, **word)
    enrolling.fail_fit(enrolment.pk, 1, error="late", now=now)
    enrolment.refresh_from_db()
    assert (enrolment.status, enrolment.done) == (Phase.FITTING, 1)


def test_progress_is_told_at_most_once_a_second(drop, lead, django_assert_max_num_queries):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    fact = Event.objects.get(name="FitBegun").as_fact()
    teller = fitting.Teller(fact)
    with django_assert_max_num_queries(1):
        for step in range(500):
            teller.steps(step, 1000)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_gone_for_a_moment_costs_a_word_not_the_fit(drop, lead):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    teller = fitting.Teller(Event.objects.get(name="FitBegun").as_fact())
    teller.tell(Stage.FETCHING, 1, 20)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()
    teller.tell(Stage.LEARNING, 1, 2)  # nobody hears it
    teller.tell(Stage.WRITING, 2, 2)
    enrolment.refresh_from_db()
    assert (enrolment.stage, enrolment.done) == (Stage.WRITING, 2)


def test_a_killed_fit_comes_again(drop, lead, deliver_all):
    """Its worker died in the middle: claimed, files on disk, not a word more."""
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    courier.claim(step_named(FIT))
    left = django_settings.VAR / "fit" / f"{enrolment.pk}-1"
    left.mkdir(parents=True)
    (left / "000099.png").write_bytes(b"half a pict")
    assert deliver_all() == 0  # still under its lease
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.READY
    assert len(enrolment.calibration) == 20
    assert Delivery.objects.get(handler=FIT).attempts == 2


def test_a_fit_that_is_given_up_says_so(drop, lead, deliver_all):
    enrolment = drop(20)
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    Delivery.objects.update(attempts=8, due_at=timezone.now() - timedelta(seconds=1))
    deadletters.bury_worn_out(now=timezone.now())
    deliver_all()
    enrolment.refresh_from_db()
    assert enrolment.status == Phase.FAILED
    assert "worker died" in enrolment.message


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_long_work_is_renewed_while_it_lasts(drop, lead):
    enrolling.begin_fit(drop(20), STUB, by=lead, now=timezone.now())
    [parcel] = courier.claim(step_named(FIT))
    lease = timedelta(seconds=0.3)
    held = ([parcel.delivery_id], parcel.token, lease)
    renew(*held)
    with renewed(*held), connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT pg_sleep(0.3)")
            assert courier.claim(step_named(FIT)) == []
        cursor.execute("UPDATE events_delivery SET token = gen_random_uuid()")
        assert renew(*held) == 0  # fenced off: another worker has it
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert len(courier.claim(step_named(FIT))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_second_fit_is_left_to_another_worker(tile, drop, lead):
    """Nothing is claimed ahead of long work."""
    enrolling.begin_fit(drop(20), STUB, by=lead, now=timezone.now())
    other = factories.product("cap")
    for n in range(20):
        add(other, lead, picture(30, seed=n))
    begun = Enrolment.objects.get(product=other)
    enrolling.begin_fit(begun, STUB, by=lead, now=timezone.now())
    assert courier.drain(FIT) == 1
    assert unfinished().get(handler=FIT).attempts == 0


def test_the_same_fit_again_is_the_same_candidate(fit, lead, deliver_all):
    enrolment = fit()
    enrolling.begin_fit(enrolment, STUB, by=lead, now=timezone.now())
    deliver_all()
    assert ModelVersion.objects.count() == 1


def test_a_real_memory_is_fitted_too(fit):
    enrolment = fit(20, enrolling.Plan(detector="memory", backbone="builtin:filters", size=64))
    assert enrolment.status == Phase.READY, enrolment.message
    assert enrolment.pictures.filter(score__isnull=False).count() == 20
