"""What the house answers to odd questions."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qms.events.models import Delivery
from qms.review import actions
from tests import factories


def test_the_page_of_the_api_answers_only_to_those_who_read_it(db):
    client = Client()
    assert client.options("/api/docs/").status_code == 405
    assert client.get("/api/docs/").status_code == 200


def refused_with(client: Client, referer: str) -> str:
    """A wrong filter exports nothing, and leads back."""
    address = f"{reverse('inspections-csv')}?product=no-such"
    return client.get(address, headers={"Referer": referer})["Location"]


def test_a_refusal_leads_back_to_the_page_it_came_from(sign_in):
    page = "http://testserver/inspections/?lot=7"
    assert refused_with(sign_in("manager"), page) == page


@pytest.mark.parametrize(
    "referer",
    ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "",
     "http://testserver/inspections/export.csv?product=no-such"],
)  # fmt: skip
def test_a_refusal_leads_nowhere_else_and_never_in_a_circle(sign_in, referer):
    assert refused_with(sign_in("manager"), referer) == reverse("start")


def test_a_filter_that_is_not_understood_shows_its_error_and_no_count(sign_in, judged):
    judged()
    page = sign_in("manager").get("/inspections/?after=nonsense").content.decode()
    assert "A filter was not understood" in page
    assert 'class="count"' not in page
    assert "Nothing matches" not in page


@pytest.mark.parametrize("query", ["after=0001-01-01T00:00", "before=9999-12-31T23:59"])
def test_a_date_far_away_is_a_date_on_the_page_too(sign_in, judged, query):
    judged()
    assert sign_in("manager").get(f"/inspections/?{query}").context["count"] == 1


@pytest.mark.parametrize("mark", ["p=abc", "\0", "%00", "1" * 500])
def test_a_page_mark_that_somebody_made_up_is_no_fault(sign_in, mark):
    client = sign_in("manager")
    assert client.get("/inspections/", {"before_id": mark}).status_code == 200


def test_to_look_at_deliveries_is_not_to_send_them_again(db, dead_letter):
    watcher = factories.person("wat", "auditor")
    watcher.is_staff = True
    watcher.save()
    watcher.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client = Client()
    client.force_login(watcher)
    words = {"action": "deliver_again", "_selected_action": [dead_letter.pk]}
    assert client.get("/admin/events/delivery/").status_code == 200
    client.post("/admin/events/delivery/", words)
    assert Delivery.objects.get(pk=dead_letter.pk).dead_at is not None


def test_who_may_change_deliveries_may_send_them_again(db, dead_letter):
    client = Client()
    client.force_login(factories.administrator())
    words = {"action": "deliver_again", "_selected_action": [dead_letter.pk]}
    client.post("/admin/events/delivery/", words)
    assert Delivery.objects.get(pk=dead_letter.pk).dead_at is None


def test_undo_is_offered_only_while_it_is_open(sign_in, flagged):
    review, client = flagged(), sign_in("inspector", name="ines")
    before = timezone.now() - actions.UNDO_LASTS - timedelta(minutes=1)
    ines = factories.person("ines", "inspector")
    actions.claim(review, by=ines, now=before)
    actions.decide(review, decision="OK", by=ines, now=before)
    for page in (reverse("review-queue"), reverse("review", args=[review.pk])):
        assert reverse("review-undo", args=[review.pk]) not in client.get(page).content.decode()
    answer = client.post(reverse("review-undo", args=[review.pk]), follow=True)
    assert "for 10 minutes" in answer.content.decode()
