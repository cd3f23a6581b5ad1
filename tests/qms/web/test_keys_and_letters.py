"""The pages of those who keep the house running: API keys and dead letters."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qms.accounts import keys as desk
from qms.accounts.models import ApiKey
from qms.events.models import Delivery
from qms.lifecycle import Refused
from tests import factories


@pytest.fixture
def issued(sign_in):
    """The browser, the page after issuing, and the key's text."""
    client = sign_in("integrator")
    page = client.post(reverse("keys"), {"name": "camera 1", "scopes": ["ingest", "read"]})
    found = re.search(r"andon_[0-9a-f]{8}_[\w-]+", page.content.decode())
    assert found
    return client, page, found.group()


def test_a_key_is_shown_once_and_kept_nowhere(issued):
    client, page, text = issued
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert text not in client.get(reverse("keys")).content.decode()
    for session in Session.objects.all():
        assert text not in str(session.get_decoded())
    assert text.split("_", 2)[2] not in str(ApiKey.objects.values().get())


def test_the_new_key_opens_what_it_may(issued):
    bearer = {"Authorization": f"Bearer {issued[2]}"}
    assert Client().get(reverse("api-inspections"), headers=bearer).status_code == 200


def test_a_key_needs_a_name_and_a_scope(sign_in):
    answer = sign_in("admin").post(reverse("keys"), {"name": "x"})
    assert "Choose at least one." in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_nobody_gives_a_machine_more_than_is_theirs(sign_in):
    client = sign_in("integrator")
    assert 'value="admin"' not in client.get(reverse("keys")).content.decode()
    answer = client.post(reverse("keys"), {"name": "x", "scopes": ["admin"]})
    assert "not yours to give" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_the_action_itself_refuses_what_its_issuer_lacks(db):
    by = factories.person("ian", "integrator")
    with pytest.raises(Refused, match="may not do this yourself: admin"):
        desk.issue(name="x", scopes=["read", "admin"], by=by, now=timezone.now())


def test_an_administrator_gives_any_scope(sign_in):
    sign_in("admin").post(reverse("keys"), {"name": "x", "scopes": ["admin"]})
    assert ApiKey.objects.get().scopes == ["admin"]


def test_a_revoked_key_opens_nothing(issued):
    client, _, text = issued
    client.post(reverse("key-revoke", args=[ApiKey.objects.get().pk]))
    bearer = {"Authorization": f"Bearer {text}"}
    assert Client().get(reverse("api-inspections"), headers=bearer).status_code == 401
    assert "Revoked" in client.get(reverse("keys")).content.decode()


def test_revoking_twice_is_said(issued):
    client = issued[0]
    address = reverse("key-revoke", args=[ApiKey.objects.get().pk])
    client.post(address)
    assert "revoked already" in client.post(address, follow=True).content.decode()


def test_no_dead_letters_is_good_news(sign_in):
    assert "No dead letters" in sign_in("ml").get(reverse("dead-letters")).content.decode()


def test_a_dead_letter_says_what_whose_and_why(sign_in, dead_letter):
    page = sign_in("admin").get(reverse("dead-letters")).content.decode()
    for words in ("Picture received", dead_letter.handler, "OSError: gone", "Try again"):
        assert words in page


def test_reviving_a_letter_makes_it_due_again(sign_in, dead_letter):
    sign_in("ml").post(reverse("revive", args=[dead_letter.pk]))
    letter = Delivery.objects.get(pk=dead_letter.pk)
    assert (letter.dead_at, letter.attempts) == (None, 0)


def test_reviving_what_is_not_dead_is_said(sign_in, dead_letter):
    client = sign_in("ml")
    client.post(reverse("revive", args=[dead_letter.pk]))
    answer = client.post(reverse("revive", args=[dead_letter.pk]), follow=True)
    assert "not among the dead letters" in answer.content.decode()
