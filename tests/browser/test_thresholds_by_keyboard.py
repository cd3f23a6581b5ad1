"""Two sliders, moved by keys: the table follows at once, and what is signed is what was seen."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from qms.accounts.models import Signature
from qms.inspections.models import Verdict
from qms.plant.recipes import Recipe
from qms.reports.comparison import lines
from qms.reports.whatif import consequences
from tests import factories
from tests.production import decide_all, run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def whatif(page: Page, sign_in, roles: None, deliver_all: Callable[[], int]) -> Page:
    run(deliver_all, 40, audit_share=0.4)
    decide_all(factories.person("olga"))
    sign_in("lea", "lead")
    page.get_by_role("link", name="Reports").click()
    expect(page.get_by_role("heading", name="What-if thresholds")).to_be_visible()
    return page


def _slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name)


def _shown(page: Page) -> list[tuple[str, str]]:
    return [
        (
            row.locator("[data-chosen]").inner_text(),
            row.locator("[data-change]").inner_text(),
        )
        for row in page.locator("[data-line]").all()
    ]


def test_the_table_follows_the_keys_and_is_what_the_server_says(whatif: Page, client):
    assert {change for _, change in _shown(whatif)} == {"no change"}
    _slider(whatif, "Accept below").focus()
    for _ in range(3):
        whatif.keyboard.press("PageUp")
    _slider(whatif, "Reject from").focus()
    whatif.keyboard.press("ArrowRight")
    ok, not_ok = (
        float(whatif.get_by_label(label).input_value())
        for label in ("Accept below this score", "Reject from this score on")
    )
    client.force_login(factories.person("lea", "lead"))
    scores = client.get("/thresholds/").context["scores"]
    before, after = (
        consequences(scores.production, ok=a, not_ok=b) for a, b in (scores.present, (ok, not_ok))
    )
    assert ok > scores.present[0]
    assert after != before
    shown = _shown(whatif)
    assert shown == [(line.chosen, line.change) for line in lines(before, after)]
    sent = parse_qs(urlsplit(whatif.url).query)
    assert [float(sent[name][0]) for name in ("ok", "not_ok")] == [ok, not_ok]
    whatif.reload()
    assert _shown(whatif) == shown, "the address keeps what was tried"
    whatif.get_by_role("button", name="Back to the present").click()
    assert {change for _, change in _shown(whatif)} == {"no change"}


def test_one_slider_pushes_the_other(whatif: Page):
    _slider(whatif, "Accept below").focus()
    whatif.keyboard.press("End")
    top = whatif.get_by_label("Accept below this score").input_value()
    assert whatif.get_by_label("Reject from this score on").input_value() == top
    _slider(whatif, "Reject from").focus()
    whatif.keyboard.press("Home")
    low = whatif.get_by_label("Reject from this score on").input_value()
    assert whatif.get_by_label("Accept below this score").input_value() == low < top


def _sign(page: Page, password: str) -> None:
    page.get_by_label("Reason").fill("fewer false calls, agreed with quality")
    page.get_by_label("Your password again").fill(password)
    page.get_by_role("button", name="Sign and publish").click()


def test_a_wrong_password_publishes_nothing_and_a_right_one_what_was_seen(
    whatif: Page, deliver_all
):
    for label, value in (("Accept below this score", "0.2"), ("Reject from this score on", "0.3")):
        whatif.get_by_label(label).fill(value)
    expect(whatif.locator("[data-sent-words=not_ok]")).to_have_text("0.300")
    _sign(whatif, "a guess")
    expect(whatif.locator(".message-error")).to_contain_text("password is not right")
    assert Recipe.objects.count() == 2
    assert not Signature.objects.exists()
    expect(whatif.get_by_label("Accept below this score")).to_have_value("0.2")
    _sign(whatif, "a long password")
    expect(whatif.locator(".message-success")).to_contain_text("tile recipe 3 is published")
    recipe = Recipe.objects.get(number=3)
    assert (recipe.threshold_ok, recipe.threshold_not_ok) == (0.2, 0.3)
    assert str(recipe.signature.person) == "lea"
    expect(whatif.locator(".slider-help")).to_contain_text("OK below 0.200, not OK from 0.300")
    bright = factories.submission(brightness=40)
    deliver_all()
    assert Verdict.objects.get(inspection=bright).evaluation == "OK"
    assert {change for _, change in _shown(whatif)} <= {"no change", "–"}
