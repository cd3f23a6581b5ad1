"""Small pieces of pages, and what holds for all templates."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from qms.plant.models import Line, Site, Station
from qms.web.templatetags import pieces

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (7_200, "2 h"),
        (172_800, "2 days"),
    ],
)
def test_an_age_is_short(seconds, words):
    assert pieces.age(timedelta(seconds=seconds)) == words


def test_no_age_and_a_clock_that_runs_ahead_are_zero():
    assert pieces.age(None) == "0 s"
    assert pieces.age(timedelta(seconds=-3)) == "0 s"


def test_a_share_has_one_decimal():
    assert pieces.percent(0.98765) == "98.8 %"
    assert pieces.percent(None) == "–"


def test_an_outline_is_a_closed_path_through_the_pixels():
    assert pieces.outline([[0, 0], [4, 0], [4, 3]]) == "M0.5 0.5 L4.5 0.5 L4.5 3.5 Z"
    assert pieces.outline([]) == ""


def test_a_time_is_the_stations_and_the_tooltip_is_utc():
    site = Site(code="s", time_zone="Asia/Tokyo")
    station = Station(code="c", line=Line(site=site, code="1"))
    shown = pieces.moment(datetime(2020, 5, 1, 23, 30, tzinfo=UTC), station)
    assert "2020-05-02 08:30:00" in shown
    assert "2020-05-01 23:30:00 UTC" in shown


def test_a_site_with_a_mistyped_zone_still_shows_times():
    site = Site(code="s", time_zone="Mars/Olympus")
    station = Station(code="c", line=Line(site=site, code="1"))
    assert "2020-05-01" in pieces.moment(datetime(2020, 5, 1, tzinfo=UTC), station)


def test_only_the_two_themes_are_taken_from_the_cookie():
    request = RequestFactory().get("/")
    for given, expected in (("dark", "dark"), ("light", "light"), ('"><script>', "")):
        request.COOKIES["theme"] = given
        assert pieces.theme({"request": request}) == expected
    assert pieces.theme({}) == ""


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_what_the_content_policy_forbids(template):
    text = template.read_text("utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|https?://", text)


@pytest.mark.parametrize("name", ["500.html", "unavailable.html"])
def test_the_pages_for_bad_days_need_no_request_and_no_database(name):
    assert "Andon" in render_to_string(name)


def test_a_missing_page_answers_strangers_too(db):
    answer = Client().get("/no/such/page/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
