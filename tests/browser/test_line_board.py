"""The line board in a real browser: asked for here, pushed from a whole house."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from qms.plant import actions as plant
from tests import factories
from tests.factories import DEFECT, NORMAL
from tests.line import Line

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STREAM = "**/live/line*"
NO_STREAM = "delete window.EventSource"


@pytest.fixture
def station(roles: None, deliver_all: Callable[[], int]):
    """Two of them, each with a picture."""
    for n, code in enumerate(("cam-1", "cam-2")):
        factories.submission(station=plant.ensure_station(code), seed=n, serial=f"FIRST-{n}")
    deliver_all()
    return plant.ensure_station("cam-1")


def tile(page: Page, code: str):
    return page.locator("li", has=page.get_by_role("link", name=code, exact=True))


def word(page: Page):
    return page.locator("[data-link-word]")


def test_a_browser_without_streams_asks_for_the_tiles(page: Page, sign_in, station, deliver_all):
    sign_in("max", "manager")
    page.add_init_script(NO_STREAM)
    page.goto("/line/")
    expect(word(page)).to_have_text("Every 3 s")
    factories.submission(brightness=DEFECT, station=station, seed=7, serial="SECOND")
    deliver_all()
    expect(tile(page, "cam-1")).to_contain_text("Not OK")
    expect(tile(page, "cam-1")).to_contain_text("SECOND")


def test_a_server_that_pushes_nothing_is_asked_instead(page: Page, sign_in, station):
    sign_in("max", "manager")
    page.goto("/line/")
    expect(word(page)).to_have_text("Every 3 s")


def test_only_the_tile_that_changed_is_replaced_and_the_focus_stays(
    page: Page, sign_in, station, deliver_all
):
    sign_in("max", "manager")
    page.goto("/line/")
    tile(page, "cam-1").get_by_role("link", name="cam-1", exact=True).focus()
    mark = "code => [...document.querySelectorAll('li')].forEach(li => li.dataset.old = 'yes')"
    page.evaluate(mark)
    before = page.evaluate("document.querySelector('[data-board]').getBoundingClientRect().height")
    factories.submission(brightness=DEFECT, station=station, seed=7, serial="SECOND")
    deliver_all()
    expect(tile(page, "cam-1")).to_contain_text("Not OK")
    assert tile(page, "cam-1").get_attribute("data-old") is None
    assert tile(page, "cam-2").get_attribute("data-old") == "yes"
    assert page.evaluate("document.activeElement.textContent") == "cam-1"
    after = page.evaluate("document.querySelector('[data-board]').getBoundingClientRect().height")
    assert after == before


def test_a_new_station_takes_its_place_among_the_others(page: Page, sign_in, station):
    sign_in("max", "manager")
    page.goto("/line/")
    plant.ensure_station("cam-1b")
    expect(page.locator("[data-board] h2")).to_have_text(["cam-1", "cam-1b", "cam-2"])


def test_ages_grow_between_two_answers(page: Page, sign_in, station):
    sign_in("max", "manager")
    page.goto("/line/")
    age = tile(page, "cam-1").locator("[data-age]").first
    shown = age.text_content()
    version = tile(page, "cam-1").get_attribute("data-version")
    expect(age).not_to_have_text(str(shown))
    assert tile(page, "cam-1").get_attribute("data-version") == version


def test_whoever_signs_out_elsewhere_is_led_to_the_sign_in(page: Page, sign_in, station):
    sign_in("max", "manager")
    page.add_init_script(NO_STREAM)
    page.goto("/line/")
    page.context.clear_cookies()
    page.wait_for_url("**/sign-in/**")


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 720)])
def test_the_wall_shows_whole_tiles_and_turns_its_pages(
    page: Page, sign_in, station, width, height
):
    for n in range(3, 16):
        plant.ensure_station(f"cam-{n}")
    sign_in("max", "manager")
    page.set_viewport_size({"width": width, "height": height})
    page.clock.install()
    page.goto("/line/?wall=1")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.locator("[data-board] > li:visible")).to_have_count(12)
    cut = "[...document.querySelectorAll('li')].filter(e => e.scrollHeight > e.clientHeight).length"
    assert page.evaluate(cut) == 0
    page.clock.fast_forward(12_500)
    expect(page.locator("[data-page-word]")).to_have_text("Page 2 of 2")
    expect(page.locator("[data-board] > li:visible")).to_have_count(3)
    page.get_by_role("button", name="Stay here").click()
    page.clock.fast_forward(30_000)
    expect(page.locator("[data-page-word]")).to_have_text("Page 2 of 2")


def test_no_board_is_wider_than_its_window(page: Page, sign_in, station):
    sign_in("max", "manager")
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        for address in ("/line/", "/line/?wall=1"):
            page.goto(address)
            beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert beyond <= 0, f"{address} at {width} is {beyond} px too wide"


# --- with a server that pushes ---


@pytest.fixture
def house_page(line: Line, chromium: Browser):
    """A browser before a whole house, signed in as its first person."""
    line.manage("shell", "-c", "from qms.plant.actions import *; ensure_station('cam-pushed')")
    context = chromium.new_context(base_url=f"http://127.0.0.1:{line.port}")
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto("/sign-in/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill((line.var / "sign-in").read_text())
    page.keyboard.press("Enter")
    page.wait_for_selector(".nav")
    yield page
    context.close()


def send(line: Line, brightness: int, *, seed: int) -> None:
    with line.client() as camera:
        picture = factories.picture(brightness, seed=seed)
        line.send(camera, picture, station="cam-pushed", serial=f"P-{seed}")


@pytest.mark.house
def test_a_tile_changes_without_a_reload_or_a_question(line: Line, house_page: Page):
    asked: list[str] = []
    house_page.on("request", lambda request: asked.append(request.url))
    house_page.goto("/line/")
    expect(word(house_page)).to_have_text("Live")
    send(line, NORMAL, seed=8001)
    expect(tile(house_page, "cam-pushed")).to_contain_text("P-8001", timeout=20_000)
    assert not any("/line/tiles/" in address for address in asked)


@pytest.mark.house
def test_a_cut_stream_hands_over_to_questions(line: Line, house_page: Page):
    house_page.route(STREAM, lambda route: route.abort())
    house_page.goto("/line/")
    expect(word(house_page)).to_have_text("Every 3 s", timeout=20_000)
    send(line, DEFECT, seed=8002)
    expect(tile(house_page, "cam-pushed")).to_contain_text("P-8002", timeout=20_000)


@pytest.mark.house
def test_nothing_is_open_while_nobody_looks(line: Line, house_page: Page):
    house_page.goto("/line/")
    expect(word(house_page)).to_have_text("Live")
    asked: list[str] = []
    house_page.on("request", lambda request: asked.append(request.url))
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    house_page.evaluate(hide, True)
    send(line, NORMAL, seed=8003)
    house_page.wait_for_timeout(4000)
    assert asked == []
    expect(tile(house_page, "cam-pushed")).not_to_contain_text("P-8003")
    house_page.evaluate(hide, False)
    expect(tile(house_page, "cam-pushed")).to_contain_text("P-8003", timeout=20_000)
