"""Blind looks: which they are, and that nobody who may decide one learns the model's word."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qms.events.models import Event
from qms.inspections import handlers
from qms.plant import actions as plant
from qms.review import actions
from qms.review.models import Review
from tests import factories
from tests.factories import DEFECT, NORMAL, UNCLEAR


def review_of(brightness: int, deliver_all, *, share: float) -> Review:
    tile = factories.product()
    plant.publish_recipe(tile, by=None, now=timezone.now(), reason="audit", audit_share=share)
    inspection = factories.submission(tile, brightness, serial="S1")
    deliver_all()
    return Review.objects.get(inspection=inspection)


@pytest.fixture
def blind(db, deliver_all) -> Review:
    return review_of(DEFECT, deliver_all, share=1.0)


@pytest.fixture
def inspector(db) -> Client:
    client = Client()
    client.force_login(factories.person("ines", "inspector"))
    return client


@pytest.mark.parametrize(
    ("brightness", "reason"),
    [(NORMAL, "AUDIT"), (DEFECT, "NOT_OK"), (UNCLEAR, "NOT_DECIDABLE")],
)
def test_whatever_the_model_said_a_drawn_part_is_looked_at_blind(
    db, deliver_all, brightness, reason
):
    review = review_of(brightness, deliver_all, share=1.0)
    assert (review.reason, review.blind) == (reason, True)


def test_a_flagged_part_that_is_not_drawn_is_looked_at_openly(db, deliver_all):
    assert review_of(DEFECT, deliver_all, share=0.0).blind is False


def test_a_blind_look_at_a_flagged_part_tells_no_more_than_one_at_an_accepted(inspector, blind):
    actions.claim(blind, by=factories.person("ines"), now=timezone.now())
    page = inspector.get(reverse("review", args=[blind.pk])).content.decode()
    queue = inspector.get(reverse("review-queue")).content.decode()
    for words in ("score-words", "data-layer", "The model found a defect", "badge-not-ok"):
        assert words not in page
    assert "The model found a defect" not in queue
    assert "Blind check" in queue


def api(client: Client, blind: Review, what: str = "") -> dict:
    return client.get(reverse("api-inspection", args=[blind.inspection_id]) + what)


def test_the_api_keeps_the_models_word_from_who_may_decide(inspector, blind):
    body = api(inspector, blind).json()
    assert (body["evaluation"], body["score"], body["verdicts"]) == ("UNDEFINED", None, [])
    assert body["status"] == "IN_REVIEW"
    (listed,) = inspector.get(reverse("api-inspections")).json()["results"]
    assert listed["verdicts"] == []


@pytest.mark.parametrize("what", ["heat/", "mask/"])
def test_heat_map_and_mask_are_kept_from_who_may_decide(inspector, blind, what):
    answer = api(inspector, blind, what)
    assert answer.status_code == 403
    assert "blind check" in answer.json()["detail"]
    assert api(inspector, blind, "upright/").status_code == 200


def test_a_filter_does_not_tell_what_the_model_said(inspector, blind):
    for query in ("evaluation=NOT_OK", "score_min=0", "score_max=0"):
        assert inspector.get(f"/api/inspections/?{query}").json()["results"] == []
        assert inspector.get(f"/inspections/?{query}").context["count"] == 0
    assert inspector.get("/inspections/?serial=S1").context["count"] == 1


def test_the_export_of_a_lead_tells_nothing_of_it(blind):
    client = Client()
    client.force_login(factories.person("lea", "lead"))
    text = client.get(reverse("inspections-csv")).getvalue().decode()
    assert "S1" in text
    assert "NOT_OK" not in text


def test_machines_and_those_who_decide_nothing_read_it_all(db, blind):
    bearer = {"Authorization": f"Bearer {factories.key('read')}"}
    machine = Client(headers=bearer)
    auditor = Client()
    auditor.force_login(factories.person("aud", "auditor"))
    for reader in (machine, auditor):
        assert api(reader, blind).json()["evaluation"] == "NOT_OK"
        assert api(reader, blind, "heat/").status_code == 200


def test_once_it_is_decided_everybody_reads_it(inspector, blind):
    ines = factories.person("ines")
    actions.claim(blind, by=ines, now=timezone.now())
    actions.decide(blind, decision="OK", by=ines, now=timezone.now())
    assert len(api(inspector, blind).json()["verdicts"]) == 1
    assert api(inspector, blind, "heat/").status_code == 200


def test_before_it_is_routed_nobody_who_may_decide_learns_the_models_word(inspector, db):
    """Between the verdict and the triage it is not known yet whether the look will be blind."""
    inspection = factories.submission(brightness=DEFECT, serial="S1")
    deliver_first(inspection)
    assert inspection.status == "JUDGED"
    body = inspector.get(reverse("api-inspection", args=[inspection.pk])).json()
    assert (body["evaluation"], body["verdicts"]) == ("UNDEFINED", [])
    assert inspector.get("/inspections/?evaluation=NOT_OK").context["count"] == 0


def deliver_first(inspection) -> None:
    """The judge has been, the triage has not."""
    event = Event.objects.get(subject=inspection.pk, name="InspectionSubmitted").as_fact()
    (sight,) = handlers.read_pictures([event])
    (seen,) = handlers.judge_pictures([sight])
    handlers.judge_inspection(event, seen)
    inspection.refresh_from_db()
