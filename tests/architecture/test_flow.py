"""The house's own rules, held by looking at it."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from qms.events import catalogue
from qms.flow import FLOW
from qms.lifecycle import Lifecycle

ROOT = Path(__file__).resolve().parents[2]
STEPS = [(event, step) for event, steps in FLOW.items() for step in steps]


@pytest.mark.parametrize("event", catalogue.Event.__subclasses__(), ids=lambda e: e.__name__)
def test_every_event_has_a_line_in_the_flow(event):
    assert event in FLOW


@pytest.mark.parametrize(("event", "step"), STEPS, ids=lambda x: getattr(x, "name", ""))
def test_every_handler_takes_the_event_of_its_line(event, step):
    taken, *outcome = inspect.signature(step.then).parameters.values()
    assert taken.annotation is event
    assert bool(outcome) == bool(step.gather or step.work)


def test_the_names_of_the_steps_are_unique():
    names = [step.name for _, step in STEPS]
    assert len(names) == len(set(names))


def test_every_state_of_a_row_that_lives_can_be_reached():
    for model in apps.get_models():
        if issubclass(model, Lifecycle):
            field = model._meta.get_field("status")
            reached = {to for ends in model.TRANSITIONS.values() for to in ends} | {field.default}
            assert reached == {value for value, _ in field.choices}, model


def test_the_map_is_current():
    call_command("drawmap", check=True)


def test_only_psycopg2_is_installed(db):
    assert connection.Database.__name__ == "psycopg2"


def test_no_file_is_longer_than_400_lines():
    for folder in ("qms", "inference", "labeling"):
        files = (ROOT / folder).rglob("*.py")
        for path in (file for file in files if "migrations" not in file.parts):
            assert len(path.read_text().splitlines()) <= 400, path


WEB = """
import os, sys
import psutil
os.environ["DJANGO_SETTINGS_MODULE"] = "qms.settings"
import django
django.setup()
import qms.asgi, qms.flow, qms.urls
from django.urls import get_resolver
get_resolver().url_patterns
heavy = {"torch", "timm", "open_clip", "transformers", "cv2", "scipy"} & set(sys.modules)
assert not heavy, heavy
megabytes = psutil.Process().memory_info().rss / 2**20
assert megabytes < 200, megabytes
"""


def test_the_web_process_imports_no_torch_and_is_small():
    subprocess.run([sys.executable, "-c", WEB], check=True, cwd=ROOT)
