"""A fit in a real house: its worker is shot in the middle, and the fit comes again."""

import re

import httpx
import pytest

from tests.line import Line
from tests.pictures import picture
from tests.running.processes import wait_for

pytestmark = pytest.mark.house

PAGE = "/plant/products/tile/enrol/"


@pytest.fixture
def browser(line: Line):
    """The administrator, signed in."""
    with line.client() as client:
        client.headers.pop("Authorization")
        password = (line.var / "sign-in").read_text().strip()
        post(client, "/sign-in/", username="admin", password=password)
        yield client


def post(client: httpx.Client, address: str, **words: str) -> httpx.Response:
    token = client.cookies.get("csrftoken") or _token(client)
    return client.post(address, data={"csrfmiddlewaretoken": token, **words})


def _token(client: httpx.Client) -> str:
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', client.get("/sign-in/").text)
    assert found
    return found[1]


def test_a_fit_whose_worker_is_shot_comes_again(line: Line, browser: httpx.Client):
    for n in range(60):
        sent = browser.post(
            f"{PAGE}pictures/",
            files={"picture": (f"{n}.png", picture(20 + n % 7, seed=n, size=512))},
            headers={"X-CSRFToken": browser.cookies["csrftoken"]},
        )
        assert sent.json()["new"]
    words = {"detector": "memory", "backbone": "builtin", "size": "512", "promise_rate": ""}
    post(browser, f"{PAGE}fit/", **words)
    state = "SELECT count(*) FROM inspections_enrolment WHERE "
    wait_for(
        lambda: line.count(f"{state} stage = 'LEARNING' AND done > 0") == 1,
        seconds=120,
        what="the fit to be under way",
    )
    assert line.kill("worker -Q fit ", child=True)
    wait_for(
        lambda: line.count(f"{state} status = 'READY'") == 1,
        seconds=240,
        what="the fit to be done by another worker",
    )
    handler = "handler = 'inspections.finish_fit'"
    attempts = f"SELECT attempts FROM events_delivery WHERE {handler}"
    assert line.count(attempts) == 2
    assert not list((line.var / "fit").iterdir())
    assert "What the thresholds promise" in browser.get(PAGE).text
