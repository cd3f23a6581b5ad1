"""An inspector's minutes at the station: keys only, and no key where it must not act."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from qms.review.models import Review, Status
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def queue(roles: None, deliver_all: Callable[[], int]) -> list[Review]:
    """Four parts with a defect, waiting in the order of their serials."""
    for number in range(4):
        factories.submission(brightness=factories.DEFECT, seed=number, serial=f"S{number}")
    deliver_all()
    return list(Review.objects.order_by("opened_at", "pk"))


@pytest.fixture
def station(page: Page, sign_in, queue: list[Review]) -> Page:
    """The first part is in hand and on the screen."""
    sign_in("ines", "inspector")
    page.goto("/review/")
    page.keyboard.press("Enter")
    _is_shown(page, "S0")
    return page


def _is_shown(page: Page, serial: str) -> None:
    expect(page.get_by_role("heading", name=serial)).to_be_visible()
    page.wait_for_selector("[data-shown]")
    page.wait_for_timeout(300)  # a glance: what is pressed sooner does not count


def _decisions(queue: list[Review]) -> list[str]:
    looks = Review.objects.filter(kind="VERIFY").order_by("opened_at", "pk")
    return [review.decision for review in looks]


def test_parts_are_judged_and_taken_back_by_keys_alone(station, queue):
    station.keyboard.press("a")
    _is_shown(station, "S1")
    station.keyboard.press("r")
    expect(station.locator("[data-armed]")).to_be_visible()
    station.keyboard.press("2")
    _is_shown(station, "S2")
    station.keyboard.press("h")
    _is_shown(station, "S3")
    assert _decisions(queue) == ["OK", "NOT_OK", "NOT_DECIDABLE", ""]
    rejected = Review.objects.get(pk=queue[1].pk)
    types = rejected.inspection.product.defect_types.order_by("code")
    assert rejected.defect_type == types[1]
    station.keyboard.press("u")
    _is_shown(station, "S2")
    assert _decisions(queue) == ["OK", "NOT_OK", "", ""]


def test_a_type_first_and_then_one_press_rejects(station, queue):
    station.keyboard.press("1")
    station.keyboard.press("r")
    _is_shown(station, "S1")
    assert _decisions(queue)[0] == "NOT_OK"


def test_rejecting_twice_rejects_without_a_type(station, queue):
    station.keyboard.press("r")
    station.keyboard.press("r")
    _is_shown(station, "S1")
    first = Review.objects.get(pk=queue[0].pk)
    assert (first.decision, first.defect_type) == ("NOT_OK", None)


def test_escape_disarms_a_rejection(station, queue):
    station.keyboard.press("r")
    station.keyboard.press("Escape")
    expect(station.locator("[data-armed]")).to_be_hidden()
    station.keyboard.press("2")
    assert _decisions(queue) == [""] * 4


def test_no_key_acts_while_somebody_types(station, queue):
    station.keyboard.press("n")
    station.keyboard.type("a harsh rub, u h")
    expect(station.locator("[name=note]")).to_have_value("a harsh rub, u h")
    assert _decisions(queue) == [""] * 4
    station.keyboard.press("Escape")
    station.keyboard.press("a")
    _is_shown(station, "S1")
    assert Review.objects.get(pk=queue[0].pk).note == "a harsh rub, u h"


def test_no_key_acts_with_control_alt_or_meta(station, queue):
    for chord in ("Control+h", "Alt+a", "Meta+a"):
        station.keyboard.press(chord)
    _is_shown(station, "S0")
    assert _decisions(queue) == [""] * 4


def test_a_key_that_is_held_down_judges_one_part(station, queue):
    station.keyboard.down("a")
    for _ in range(5):
        station.keyboard.down("a")  # what auto-repeat sends
    _is_shown(station, "S1")
    station.keyboard.down("a")
    station.keyboard.up("a")
    assert _decisions(queue) == ["OK", "", "", ""]


def test_no_key_judges_a_picture_that_is_not_there(page, sign_in, queue):
    sign_in("ines", "inspector")
    held = []
    page.route("**/upright/", lambda route: held.append(route))
    page.goto("/review/")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="S0")).to_be_visible()
    page.keyboard.press("a")
    page.wait_for_timeout(200)
    assert _decisions(queue) == [""] * 4
    for route in held:
        route.continue_()


def test_space_held_shows_the_bare_picture(station):
    heat = station.locator("[data-layer=heat]")
    expect(heat).to_be_visible()
    station.keyboard.down(" ")
    expect(heat).to_be_hidden()
    station.wait_for_timeout(400)
    station.keyboard.up(" ")
    expect(heat).to_be_visible()
    for key in ("t", " "):
        station.keyboard.press(key)
        expect(heat).to_be_hidden()
        station.keyboard.press(key)
        expect(heat).to_be_visible()


def test_the_help_lists_the_keys_and_swallows_them(station, queue):
    station.keyboard.press("?")
    expect(station.get_by_role("dialog")).to_contain_text("Accept")
    station.keyboard.press("a")
    assert _decisions(queue) == [""] * 4
    station.get_by_role("button", name="Close").click()
    expect(station.get_by_role("dialog")).to_be_hidden()
    station.keyboard.press("a")
    _is_shown(station, "S1")


def test_a_double_click_judges_one_part(station, queue):
    station.get_by_role("button", name="Accept").dblclick()
    _is_shown(station, "S1")
    assert _decisions(queue) == ["OK", "", "", ""]
    box = station.get_by_role("button", name="Accept").bounding_box()
    assert box is not None
    station.reload(wait_until="commit")
    for _ in range(3):
        station.mouse.click(box["x"] + 9, box["y"] + 9)
    assert _decisions(queue) == ["OK", "", "", ""]


def test_a_part_in_other_hands_has_no_decision_keys(page, sign_in, queue):
    sign_in("ines", "inspector")
    other = factories.person("carl", "inspector")
    Review.objects.filter(pk=queue[0].pk).update(
        status=Status.CLAIMED, reviewer=other, claimed_at=queue[0].opened_at
    )
    page.goto(f"/review/{queue[0].pk}/")
    expect(page.locator(".verdict-bar")).to_contain_text("carl")
    page.keyboard.press("a")
    assert _decisions(queue) == [""] * 4
