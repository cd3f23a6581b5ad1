"""Each page in a real browser, light and dark: nothing blocked, nothing thrown, nothing cut off."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from qms.events.models import Delivery
from qms.inspections import actions as inspections
from qms.inspections.models import Inspection
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDE = ["/", "/inspections/", "/review/", "/thresholds/", "/agreement/", "/labels/", "/labels/sync/", "/quality/", "/lots/", "/keys/", "/dead-letters/"]  # fmt: skip
PAGES = [*WIDE, "/line/", "/line/?wall=1", "/admin/", "/api/docs/"]


@pytest.fixture
def inspected(roles: None, deliver_all: Callable[[], int]) -> Inspection:
    factories.submission(serial="GOOD")
    bad = factories.submission(brightness=factories.DEFECT, seed=1, serial="BAD")
    deliver_all()
    return bad


def test_every_page_loads_without_a_complaint(page: Page, sign_in, inspected):
    factories.administrator("root")
    sign_in("root", "admin")
    for address in [*PAGES, f"/inspections/{inspected.pk}/"]:
        answer = page.goto(address)
        assert answer is not None, address
        assert answer.status == 200, address
        page.wait_for_load_state("networkidle")


@pytest.fixture
def busy(inspected):
    """A key, and a dead letter with a long error."""
    factories.key("ingest", "read", "admin")
    lost = factories.submission(serial="A-RATHER-LONG-SERIAL-NUMBER-00017", seed=4)
    why = "FileNotFoundError: " + "/a/long/way/to/the/picture" * 4
    Delivery.objects.filter(event__subject=lost.pk).update(
        dead_at=timezone.now(), attempts=8, error=why
    )
    inspections.fail(lost, error=why, now=timezone.now())
    return inspected


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_page_is_wider_than_its_window(page: Page, sign_in, busy, width):
    sign_in("lea", "lead", "admin")
    page.set_viewport_size({"width": width, "height": 800})
    for address in [*WIDE, f"/inspections/{busy.pk}/"]:
        page.goto(address)
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{address} is {beyond} px too wide"


def test_no_link_of_the_navigation_is_cut_on_a_telephone(page: Page, sign_in, busy):
    sign_in("lea", "lead", "admin", "ml")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/")
    for link in page.locator(".nav a").all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_the_start_page_moves_by_itself(page: Page, sign_in, inspected, deliver_all):
    sign_in("max", "manager")
    expect(page.locator(".tile strong").first).to_have_text("2")
    factories.submission(seed=9, serial="NEW")
    expect(page.locator(".tile strong").first).to_have_text("3")
    expect(page.locator(".latest")).to_contain_text("NEW")


def test_a_waiting_picture_turns_into_its_verdict(page: Page, sign_in, roles, deliver_all):
    waiting = factories.submission(brightness=factories.DEFECT, serial="SOON")
    sign_in("max", "manager")
    page.goto(f"/inspections/{waiting.pk}/")
    expect(page.get_by_role("heading", name="Waiting for a verdict")).to_be_visible()
    deliver_all()
    expect(page.get_by_role("heading", name="Evaluation")).to_be_visible()


def test_the_theme_is_kept_and_painted_by_the_server(page: Page, sign_in, roles):
    sign_in("max", "manager")
    light = page.evaluate("getComputedStyle(document.body).color")
    page.get_by_label("Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).color") != light
    answer = page.goto("/inspections/")
    assert answer is not None
    assert 'data-theme="dark"' in answer.text()


def test_a_facet_applies_when_it_is_chosen_and_makes_a_short_address(
    page: Page, sign_in, inspected
):
    sign_in("max", "manager")
    page.goto("/inspections/")
    page.locator("[name=evaluation][value=NOT_OK]").check()
    page.wait_for_url("**/inspections/?evaluation=NOT_OK")
    expect(page.locator(".results tbody tr")).to_have_count(1)


def test_a_finding_is_found_from_its_row_and_the_picture_fits_again(page: Page, sign_in, inspected):
    sign_in("max", "manager")
    page.goto(f"/inspections/{inspected.pk}/")
    page.wait_for_selector("[data-shown]")
    svg = page.locator("[data-stage] svg[data-width]")
    whole = svg.get_attribute("viewBox")
    page.get_by_label("Show finding 1").click()
    expect(page.locator(".finding.chosen")).to_have_count(1)
    assert svg.get_attribute("viewBox") != whole
    page.keyboard.press("f")
    assert svg.get_attribute("viewBox") == whole


def test_the_heat_is_as_strong_as_the_slider_says(page: Page, sign_in, inspected):
    sign_in("max", "manager")
    page.goto(f"/inspections/{inspected.pk}/")
    page.locator("[data-opacity]").fill("20")
    expect(page.locator("[data-layer=heat]")).to_have_attribute("opacity", "0.2")
    page.reload()
    expect(page.locator("[data-layer=heat]")).to_have_attribute("opacity", "0.2")


def test_a_dialog_asks_before_a_key_is_revoked(page: Page, sign_in, roles):
    sign_in("ivo", "integrator")
    page.goto("/keys/")
    page.get_by_label("Name").fill("camera 1")
    page.get_by_role("button", name="Issue the key").click()
    expect(page.locator("[data-secret]")).to_contain_text("andon_")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Valid")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Valid")).to_be_hidden()
