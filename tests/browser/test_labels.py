"""The labelling desk in a real browser: whose regions are shown, the keys, what comes by itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from qms.inspections.models import Finding, Inspection
from qms.labels.models import Annotation, LabelTask
from tests import desk, factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def connected(settings) -> None:
    settings.STUDIO_TOKEN = "a token"
    settings.STUDIO_URL = "http://127.0.0.1:9"
    settings.STUDIO_PUBLIC_URL = "http://studio.example"


@pytest.fixture
def part(roles: None, deliver_all) -> Inspection:
    inspection = factories.submission(brightness=factories.DEFECT, serial="SN-1")
    deliver_all()
    inspection.refresh_from_db()
    LabelTask.objects.filter(inspection=inspection).delete()
    return inspection


@pytest.fixture
def corrected(part) -> Annotation:
    """The model's region was deleted, another one was drawn where there is nothing."""
    finding = Finding.objects.get(verdict__inspection=part)
    drawn = desk.drawn(desk.box(part, 2, 3, 12, 8))
    kept = desk.left(finding)
    return desk.corrected(part, regions=[drawn, kept], description="A dent.")


def test_the_masks_are_the_models_the_persons_or_the_difference(page: Page, sign_in, corrected):
    sign_in("lea", "lead")
    page.goto(f"/inspections/{corrected.inspection_id}/")
    model, person, difference = (page.get_by_role("button", name=name, exact=True) for name in ("Model", "Corrected", "Difference"))  # fmt: skip
    heat, outlines = page.locator("[data-layer=heat]"), page.locator("[data-layer=outlines]")
    regions, hatched = page.locator("[data-layer=person]"), page.locator("[data-layer=difference]")

    expect(person).to_have_attribute("aria-pressed", "true")
    expect(regions).to_be_visible()
    expect(heat).to_be_hidden()
    expect(page.locator("[data-side-legend]")).to_be_hidden()
    difference.click()
    expect(hatched).to_be_visible()
    expect(regions).to_be_hidden()
    expect(page.get_by_text("Only the person", exact=True)).to_be_visible()
    model.click()
    expect(outlines).to_be_visible()
    expect(hatched).to_be_hidden()
    page.keyboard.press("c")
    expect(regions).to_be_visible()
    page.keyboard.press("c")
    expect(hatched).to_be_visible()
    page.reload()  # the choice is kept
    expect(difference).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Show region 1").click()
    expect(person).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-finding=p1]")).to_have_class("finding chosen")
    page.keyboard.press("]")
    expect(page.locator("[data-finding=p2]")).to_have_class("finding chosen")
    page.get_by_role("button", name="Show finding 1").click()
    expect(model).to_have_attribute("aria-pressed", "true")


def test_the_pixels_that_a_person_drew_are_on_the_screen(page: Page, sign_in, corrected):
    """Where the person drew, the picture changes; elsewhere it does not."""
    sign_in("lea", "lead")
    page.goto(f"/inspections/{corrected.inspection_id}/")
    page.wait_for_load_state("networkidle")
    shown = "([x, y]) => { const s = document.querySelector('[data-stage] svg[data-width]'); const p = new DOMPoint(x, y).matrixTransform(s.getScreenCTM()); return [p.x, p.y]; }"  # fmt: skip
    inside, outside = (page.evaluate(shown, at) for at in ([8, 7], [40, 7]))
    before = _colours(page, inside, outside)
    page.get_by_role("button", name="Model", exact=True).click()
    page.get_by_role("button", name="Heat").click()
    after = _colours(page, inside, outside)
    assert before[0] != after[0]
    assert before[1] == after[1]


def _colours(page: Page, *points: list[float]) -> list[bytes]:
    return [
        page.screenshot(clip={"x": x - 1, "y": y - 1, "width": 3, "height": 3}) for x, y in points
    ]


def test_an_annotator_opens_the_next_picture_by_one_key(page: Page, sign_in, part, deliver_all):
    sign_in("anna", "annotator")
    expect(page).to_have_url(re.compile("/labels/$"))
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    task = desk.opened(part)
    link = page.get_by_role("link", name="Open in Label Studio").first
    expect(link).to_be_visible(timeout=15_000)
    page.context.route("http://studio.example/**", lambda asked: asked.fulfill(body="a task"))
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    assert opened.value.url.endswith(f"/data?task={task.studio_id}")
    opened.value.close()
    desk.corrected(part, by="anna")
    expect(page.get_by_text("12 s, you changed")).to_be_visible(timeout=15_000)


def test_the_check_of_the_connection_comes_after_the_page(page: Page, sign_in):
    sign_in("lea", "lead")
    page.goto("/labels/sync/")
    expect(page.get_by_role("heading", name="Projects in Label Studio")).to_be_visible()
    expect(page.locator(".checks")).to_be_visible(timeout=30_000)
