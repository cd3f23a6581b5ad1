"""Who gets in where. Walks all addresses, so a new page cannot be forgotten."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.views import LogoutView
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from qms.accounts.models import Scope
from qms.accounts.roles import Role
from qms.events import courier, deadletters
from qms.events.models import Delivery
from qms.events.outbox import step_named
from qms.inspections.models import Inspection
from qms.urls import urlpatterns
from tests import factories

OPEN_TO_ALL = {
    "sign-in",
    "admin-sign-in",
    "sign-out",
    "healthz",
    "readyz",
    "schema",
    "api-docs",
    "metrics",
    "favicon",
    "studio-doorbell",  # by a secret of its own: tests/qms/labels/test_doorbell.py
}
STRANGER = {"REMOTE_ADDR": "203.0.113.9"}
SOME_KEY = "0192f0a0-0000-7000-8000-000000000000"


def _named() -> Iterator[str]:
    for pattern in urlpatterns:
        if isinstance(pattern, URLPattern) and pattern.name not in OPEN_TO_ALL:
            yield str(pattern.name)


def _address(name: str) -> str:
    for args in ([], [1], [SOME_KEY], [SOME_KEY, "thumbnail"], ["site", 1], [1, "regions"]):
        try:
            return reverse(name, args=args)
        except Exception:
            continue
    raise AssertionError(f"no address for {name}")


@pytest.mark.parametrize("name", list(_named()))
def test_a_stranger_is_sent_away(db, name):
    address = _address(name)
    for answer in (Client().get(address, **STRANGER), Client().post(address, **STRANGER)):
        assert answer.status_code in (302, 401, 405), f"{name}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer["Location"].startswith(reverse("sign-in"))


def test_every_view_of_people_names_its_roles():
    for pattern in urlpatterns:
        if isinstance(pattern, URLPattern) and pattern.name not in OPEN_TO_ALL:
            view = pattern.callback
            assert hasattr(view, "roles") or hasattr(view, "cls"), pattern.name


_LABEL_KEEPERS = {Role.LEAD, Role.ML, Role.ADMIN}
_DESK = _LABEL_KEEPERS | {Role.ANNOTATOR, Role.MANAGER, Role.AUDITOR}

MATRIX = {
    "start": set(Role),
    "start-counts": set(Role),
    "line": set(Role),
    "line-tiles": set(Role),
    "inspections": set(Role),
    "thresholds": {Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN, Role.ML},
    "agreement": {Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN, Role.ML},
    "inspections-csv": {Role.MANAGER, Role.LEAD, Role.AUDITOR, Role.ADMIN, Role.ML},
    "review-queue": {Role.INSPECTOR, Role.LEAD},
    "plant": set(Role),
    "plant-parts": set(Role),
    "plant-import": {Role.ADMIN, Role.LEAD, Role.MANAGER},
    "labels": _DESK,
    "labels-mine": {Role.ANNOTATOR},
    "labels-sync": _LABEL_KEEPERS,
    "labels-checks": _LABEL_KEEPERS,
    "nonconformances": set(Role),
    "lots": set(Role),
    "keys": {Role.ADMIN, Role.INTEGRATOR},
    "dead-letters": {Role.ADMIN, Role.ML},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_pages(sign_in, role):
    client = sign_in(role)
    for name, served in MATRIX.items():
        expected = 200 if role in served else 403
        assert client.get(reverse(name)).status_code == expected, name


_KEEPERS = {Role.LEAD, Role.MANAGER, Role.MRB}

CHANGES = [
    *((f"nonconformance-{what}", _KEEPERS) for what in ("contain", "close", "reopen", "agree")),
    *((f"nonconformance-{what}", _KEEPERS) for what in ("cause", "withdraw")),
    *((f"action-{what}", _KEEPERS) for what in ("check", "cancel")),
    ("action-done", set(Role)),  # whoever owns it; the action itself refuses all others
    ("nonconformance-dispose", {Role.LEAD, Role.MRB}),
    ("lot-hold", _KEEPERS | {Role.INSPECTOR}),
    ("lot-let-go", {Role.LEAD, Role.MRB}),
    ("label-retry", _LABEL_KEEPERS),
    ("review-claim", {Role.INSPECTOR, Role.LEAD}),
    ("review-release", {Role.INSPECTOR, Role.LEAD}),
    ("review-decide", {Role.INSPECTOR, Role.LEAD}),
    ("review-undo", {Role.INSPECTOR, Role.LEAD}),
    ("plant-move", {Role.ADMIN, Role.LEAD, Role.MANAGER, Role.INSPECTOR}),
    ("key-revoke", {Role.ADMIN, Role.INTEGRATOR}),
    ("revive", {Role.ADMIN, Role.ML}),
]


@pytest.mark.parametrize(("name", "served"), CHANGES)
def test_changes_are_for_their_roles_and_by_post_only(sign_in, name, served):
    address = reverse(name, args=[1])
    for role in Role:
        client = sign_in(role)
        assert client.get(address).status_code == 405, role
        assert client.post(address).status_code == (404 if role in served else 403), role


def test_a_picture_is_sent_to_the_annotators_by_those_who_may(sign_in):
    address = reverse("label-send", args=[SOME_KEY])
    for role in Role:
        client = sign_in(role)
        expected = 404 if role in {Role.INSPECTOR, *_LABEL_KEEPERS} else 403
        assert client.get(address).status_code == 405
        assert client.post(address).status_code == expected, role


@pytest.mark.parametrize("name", ["labels-retry", "labels-look"])
def test_the_keepers_of_the_desk_move_it_along(sign_in, name):
    for role in Role:
        client = sign_in(role)
        assert client.get(reverse(name)).status_code == 405
        expected = 302 if role in _LABEL_KEEPERS else 403
        assert client.post(reverse(name)).status_code == expected, role


def test_a_form_without_its_token_is_refused(db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.administrator())
    answer = client.post(reverse("keys"), {"name": "x", "scopes": "ingest"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


def test_navigation_offers_only_what_opens(sign_in):
    page = sign_in("inspector").get("/").content.decode()
    assert reverse("review-queue") in page
    assert reverse("keys") not in page
    assert reverse("dead-letters") not in page


def test_signing_out_needs_a_post(sign_in):
    client = sign_in("inspector")
    assert client.get(reverse("sign-out")).status_code == 405
    assert LogoutView.http_method_names == ["post", "options"]
    client.post(reverse("sign-out"))
    assert client.get("/").status_code == 302


def test_signing_in_leads_back_to_the_page_that_was_asked_for(db):
    factories.person("ines", "inspector")
    client = Client()
    words = {"username": "ines", "password": "a long password", "next": "/inspections/?lot=7"}
    assert client.post(reverse("sign-in"), words)["Location"] == "/inspections/?lot=7"


def test_a_wrong_password_is_said_without_telling_which_part_was_wrong(db):
    answer = Client().post(reverse("sign-in"), {"username": "nobody", "password": "x"})
    assert "do not belong together" in answer.content.decode()


# --- those who watch the house ---


def test_healthz_asks_nobody(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert Client().get("/healthz").json()["status"] == "ok"


def test_readyz_is_ready_when_nothing_is_overdue(db):
    assert Client().get("/readyz").json() == {"status": "ready", "faults": {}}


def test_readyz_tells_of_a_queue_that_nobody_works_on(db):
    factories.submission(now=timezone.now() - timedelta(minutes=6))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "workers" in answer.json()["faults"]["queue"]


def test_readyz_tells_of_a_queue_that_stalls_while_it_is_claimed_again_and_again(db):
    factories.submission(now=timezone.now() - timedelta(minutes=6))
    courier.claim(step_named("inspections.judge_inspection"))
    assert Client().get("/readyz").status_code == 503
    (line,) = re.findall(r"^andon_queue_age_seconds (.*)$", metrics_text(), re.M)
    assert float(line) > 300


def test_readyz_counts_what_an_older_release_left_behind(db):
    """It did not write down since when a delivery is owed: its event tells."""
    factories.submission(now=timezone.now() - timedelta(minutes=6))
    Delivery.objects.update(owed_since=None)
    assert Client().get("/readyz").status_code == 503


def test_readyz_does_not_count_what_is_meant_for_later(db):
    factories.submission(now=timezone.now() - timedelta(minutes=6))
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert Client().get("/readyz").status_code == 200


def test_a_dead_letter_that_is_tried_again_is_not_as_old_as_its_event(db):
    factories.submission(now=timezone.now() - timedelta(days=3))
    Delivery.objects.update(dead_at=timezone.now(), attempts=8)
    deadletters.revive(Delivery.objects.get(), now=timezone.now(), actor="ada")
    assert Client().get("/readyz").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_watcher_may_ask_without_reading(db, address):
    assert Client().head(address).status_code == 200


def metrics_text() -> str:
    return Client().get("/metrics").content.decode()


def test_readyz_tells_of_a_storage_that_cannot_be_written(db, settings, tmp_path):
    (tmp_path / "a-file").write_text("in the way")
    settings.MEDIA_ROOT = tmp_path / "a-file" / "below"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "storage" in answer.json()["faults"]


def test_metrics_are_for_this_machine_an_admin_key_or_an_admin(sign_in):
    assert Client().get("/metrics").status_code == 200
    assert Client().get("/metrics", **STRANGER).status_code == 403
    proxied = Client().get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert proxied.status_code == 403
    assert sign_in("manager").get("/metrics", **STRANGER).status_code == 403
    assert sign_in("admin").get("/metrics", **STRANGER).status_code == 200
    for scope, expected in ((Scope.ADMIN, 200), (Scope.READ, 403)):
        bearer = {"Authorization": f"Bearer {factories.key(scope)}"}
        answer = Client().get("/metrics", headers=bearer, **STRANGER)
        assert answer.status_code == expected


def test_metrics_count_what_is_there(judged):
    judged(factories.DEFECT)
    text = Client().get("/metrics").content.decode()
    assert 'andon_inspections_24h{evaluation="not_ok"} 1.0' in text
    assert "andon_dead_letters 0.0" in text
    assert Inspection.objects.count() == 1
