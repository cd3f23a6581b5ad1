"""make screens: every page of a house with a past, in both themes, into docs/screens."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from qms import embedded
from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.line import ROOT, Line

OUT = ROOT / "docs" / "screens"
PARTS = 90
DESK = ViewportSize(width=1280, height=800)
WALL = ViewportSize(width=1920, height=1080)
HAND = ViewportSize(width=390, height=844)


# There is no Label Studio to speak to: it is given a token, and is not asked again by the clock.
STUDIO = {
    "STUDIO_TOKEN": "for the pictures",
    "STUDIO_URL": "http://127.0.0.1:9",
    "STUDIO_PUBLIC_URL": "https://labels.example",
    "STUDIO_ROUND_SECONDS": "86400",
}


def main() -> None:
    if not CHROMIUM.exists():
        sys.exit("Chromium is needed: apt-get install chromium")
    os.environ.update(STUDIO)
    with (
        tempfile.TemporaryDirectory(prefix="andon-screens-") as name,
        Line.start(Path(name)) as line,
    ):
        line.manage("demo", "--parts", str(PARTS))
        os.environ["DATABASE_URL"] = embedded.database_url(line.var)
        os.environ["ANDON_VAR"] = str(line.var)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qms.settings")
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread
        django.setup()
        from tests.screens import past  # only once Django knows its database

        pages = _wanted(past.lived(), sys.argv[1:])
        OUT.mkdir(exist_ok=True)
        for scheme in ("light", "dark"):
            shoot(line, pages, scheme)


def _wanted(pages: dict[str, str], beginnings: list[str]) -> dict[str, str]:
    """Those whose names begin with one of these words; all without any."""
    return {
        name: at
        for name, at in pages.items()
        if not beginnings or name.startswith(tuple(beginnings))
    }


def shoot(line: Line, pages: dict[str, str], scheme: str) -> None:
    with browser() as chromium:
        page = _signed_in(chromium, line, scheme)
        for name, address in pages.items():
            page.set_viewport_size(_size_of(name))
            page.goto(address)
            page.wait_for_load_state("load")
            page.wait_for_timeout(900)
            page.screenshot(path=OUT / f"{name}-{scheme}.png")
            print(f"    {name}-{scheme}", file=sys.stderr, flush=True)


def _size_of(name: str) -> ViewportSize:
    if name.endswith("hand"):
        return HAND
    return WALL if name.endswith("wall") else DESK


def _signed_in(chromium: Browser, line: Line, scheme: str) -> Page:
    address = f"http://127.0.0.1:{line.port}"
    context = chromium.new_context(viewport=DESK, base_url=address, color_scheme=scheme)
    page = context.new_page()
    page.goto("/sign-in/")
    page.screenshot(path=OUT / f"sign-in-{scheme}.png")
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_selector(".nav")
    return page


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


if __name__ == "__main__":
    main()
