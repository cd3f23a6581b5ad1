"""A real Chromium before a real server; whatever it complains of fails the test."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from qms.accounts.models import User
from qms.accounts.roles import Role
from tests import factories
from tests.browser.chromium import ARGUMENTS, CHROMIUM


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs a Chromium: apt-get install chromium")
    # Playwright's loop runs in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def roles(transactional_db: None) -> None:
    """The groups that a migration made; a flush after another test may have taken them."""
    for role in Role:
        Group.objects.get_or_create(name=role)


@pytest.fixture
def page(chromium: Browser, live_server, roles: None) -> Iterator[Page]:
    """A page whose console must stay silent: no error, nothing that the content policy blocked."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, base_url=live_server.url
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.extend(_complaint(said)))
    yield page
    page.goto("about:blank")  # no request is under way when the tables are emptied
    context.close()
    assert complaints == []


def _complaint(said: ConsoleMessage) -> list[str]:
    return [f"{said.text} {said.location}"] if said.type in ("error", "warning") else []


@pytest.fixture
def sign_in(page: Page) -> Callable[..., User]:
    """Through the form, as a person does."""

    def signed_in(name: str, *wanted: str) -> User:
        person = factories.person(name, *wanted)
        page.goto("/sign-in/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill("a long password")
        page.keyboard.press("Enter")
        page.wait_for_selector(".nav")
        return person

    return signed_in
