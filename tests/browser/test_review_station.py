"""The inspector's day at the station: twenty parts, what is critical, races, blind looks, touch."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from qms.plant import actions as plant
from qms.plant.models import DefectType
from qms.review import actions
from qms.review.models import FindingAnswer, Review, Status
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Fill = Callable[..., list[Review]]


@pytest.fixture
def fill(roles: None, deliver_all: Callable[[], int]) -> Fill:
    """So many parts with a defect wait, in the order of their serials."""

    def filled(number: int, brightness: int = factories.DEFECT, **words: object) -> list[Review]:
        for n in range(number):
            factories.submission(brightness=brightness, seed=n, serial=f"S{n:02}", **words)
        deliver_all()
        return list(Review.objects.order_by("opened_at", "pk"))

    return filled


def _begin(page: Page, serial: str = "S00") -> None:
    page.goto("/review/")
    page.keyboard.press("Enter")
    _is_shown(page, serial)


def _is_shown(page: Page, serial: str) -> None:
    expect(page.get_by_role("heading", name=serial, exact=True)).to_be_visible()
    page.wait_for_selector("[data-shown]")
    page.wait_for_timeout(300)  # a glance: what is pressed sooner does not count


def test_twenty_parts_are_judged_by_keyboard_alone(page, sign_in, fill):
    fill(20)
    sign_in("ines", "inspector")
    _begin(page)
    for number in range(20):
        _is_shown(page, f"S{number:02}")
        page.keyboard.press("a" if number % 2 else "r")
        if number % 2 == 0:
            page.keyboard.press("1")
    expect(page.get_by_text("Nothing else is waiting for you.")).to_be_visible()
    said = Review.objects.order_by("opened_at", "pk").values_list("decision", flat=True)
    assert list(said) == ["NOT_OK", "OK"] * 10
    assert all(spent > 0.2 for spent in Review.objects.values_list("seconds_spent", flat=True))


def test_the_last_decision_can_be_taken_back_for_ten_seconds_and_from_the_history(
    page, sign_in, fill
):
    fill(2)
    sign_in("ines", "inspector")
    _begin(page)
    page.keyboard.press("a")
    _is_shown(page, "S01")
    expect(page.locator("[data-undo]")).to_be_visible()
    page.clock.install()
    page.reload()
    page.clock.run_for(10_500)
    expect(page.locator("[data-undo]")).to_be_hidden()
    page.goto("/review/history/")
    page.get_by_role("button", name="Undo").click()
    _is_shown(page, "S00")
    assert Review.objects.filter(decision="").count() == 2


def test_what_is_critical_needs_a_second_key(page, sign_in, fill):
    (review,) = fill(1)
    DefectType.objects.filter(code="dent").update(severity="CRITICAL")
    sign_in("ines", "inspector")
    _begin(page)
    page.keyboard.press("1")  # dent
    page.keyboard.press("r")
    expect(page.get_by_text("This is critical")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert Review.objects.get().status == Status.CLAIMED
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing else is waiting for you.")).to_be_visible()
    review.refresh_from_db()
    assert (review.decision, review.defect_type.code) == ("NOT_OK", "dent")


def test_findings_are_called_true_or_false_and_named_by_keys(page, sign_in, fill):
    fill(1)
    sign_in("ines", "inspector")
    _begin(page)
    page.keyboard.press("]")
    page.keyboard.press("x")
    row = page.locator("[data-finding-row='1']")
    expect(row).to_have_attribute("data-answer", "yes")
    page.keyboard.press("x")
    expect(row).to_have_attribute("data-answer", "no")
    page.keyboard.press("2")  # scratch: then it is a true one
    expect(row).to_have_attribute("data-answer", "yes")
    expect(row).to_contain_text("Scratch")
    page.keyboard.press("r")
    expect(page.get_by_text("Nothing else is waiting for you.")).to_be_visible()
    said = FindingAnswer.objects.get()
    assert (said.is_defect, said.defect_type.code) == (True, "scratch")


def test_a_part_is_left_for_later_and_come_back_to(page, sign_in, fill):
    fill(3)
    sign_in("ines", "inspector")
    _begin(page)
    page.keyboard.press("j")
    _is_shown(page, "S01")
    page.keyboard.press("j")
    _is_shown(page, "S02")
    page.keyboard.press("k")
    _is_shown(page, "S01")
    assert Review.objects.filter(status=Status.CLAIMED).count() == 1


def test_a_part_is_compared_with_the_previous_good_one(page, sign_in, fill, deliver_all):
    factories.submission(brightness=factories.NORMAL, serial="GOOD")
    deliver_all()
    fill(1)
    sign_in("ines", "inspector")
    _begin(page)
    page.keyboard.press("g")
    expect(page.locator("[data-compare-picture]")).to_be_visible()
    expect(page.locator("[data-compare-source]")).to_contain_text("Previous good part")
    page.locator("[data-wipe]").fill("80")
    width = page.locator("[data-wiped]").get_attribute("width")
    whole = page.locator("svg[data-width]").get_attribute("data-width")
    assert float(width or 0) == pytest.approx(0.8 * float(whole or 0))
    page.keyboard.press("g")
    expect(page.locator("[data-compare-picture]")).to_be_hidden()


def test_of_two_browsers_one_gets_the_part(page, sign_in, fill, chromium: Browser, live_server):
    fill(1)
    sign_in("ines", "inspector")
    context = chromium.new_context(base_url=live_server.url)
    other = context.new_page()
    factories.person("otto", "inspector")
    other.goto("/sign-in/")
    other.get_by_label("Name").fill("otto")
    other.get_by_label("Password").fill("a long password")
    other.keyboard.press("Enter")
    other.wait_for_selector(".nav")
    for one in (page, other):
        one.goto("/review/")
    page.get_by_role("button", name="Claim").click()
    _is_shown(page, "S00")
    other.get_by_role("button", name="Claim").click()
    expect(other.get_by_text("in the hands of ines")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing else is waiting for you.")).to_be_visible()
    assert str(Review.objects.get().reviewer) == "ines"
    other.goto("about:blank")
    context.close()


def test_a_page_that_lost_its_part_says_so_and_decides_nothing(page, sign_in, fill):
    (review,) = fill(1)
    sign_in("ines", "inspector")
    page.clock.install()
    page.goto("/review/")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="S00", exact=True)).to_be_visible()
    later = Review.objects.get().heartbeat_at + 2 * actions.CLAIM_LASTS
    actions.release_forgotten(now=later)
    actions.claim(Review.objects.get(), by=factories.person("otto"), now=later)
    page.clock.run_for(25_000)
    expect(page.get_by_role("alert").filter(has_text="went back to the queue")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_be_disabled()
    review.refresh_from_db()
    assert review.decision == ""


def test_a_blind_audit_shows_the_picture_and_nothing_of_the_model(page, sign_in, fill):
    plant.publish_recipe(
        factories.product(), by=None, now=factories.timezone.now(), reason="", audit_share=1.0
    )
    fill(1, factories.NORMAL)
    sign_in("ines", "inspector")
    _begin(page)
    expect(page.get_by_role("heading", name="Blind check")).to_be_visible()
    for hidden in ("[data-layer]", "[data-finding-row]", ".score-words"):
        expect(page.locator(hidden)).to_have_count(0)
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing else is waiting for you.")).to_be_visible()
    page.goto(f"/review/{Review.objects.get().pk}/")
    expect(page.locator(".score-words")).to_be_visible()


def test_a_person_s_own_key_acts_and_the_old_one_does_not(page, sign_in, fill):
    fill(2)
    sign_in("ines", "inspector")
    page.goto("/review/keys/")
    page.get_by_label("Accept").fill("y")
    page.get_by_role("button", name="Save these keys").click()
    _begin(page)
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert not Review.objects.exclude(decision="").exists()
    page.keyboard.press("y")
    _is_shown(page, "S01")


def test_a_finger_hits_everything_on_the_panel(fill, chromium: Browser, live_server):
    """56 px on a touch screen of 1280 x 800, and nothing beyond the edge."""
    fill(2)
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 800}, has_touch=True, is_mobile=True
    )  # fmt: skip
    page = context.new_page()
    factories.person("ines", "inspector")
    page.goto("/sign-in/")
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_selector(".nav")
    _begin(page)
    small = page.evaluate(_SMALL)
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Accept").tap()
    _is_shown(page, "S01")
    page.goto("about:blank")
    context.close()


_SMALL = """
[...document.querySelectorAll('.page-station :is(button, select, summary, .type, .strip-part)')]
  .filter((one) => one.checkVisibility() && !one.closest('.for-readers'))
  .map((one) => [one.textContent.trim() || one.ariaLabel, one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 56 || box.width < 44))
  .map(([words, box]) => `${words}: ${box.width} x ${box.height}`)
"""
