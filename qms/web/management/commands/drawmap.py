from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from qms.events.outbox import flow
from qms.lifecycle import Lifecycle

_PLACE = settings.BASE_DIR / "docs" / "map.md"


class Command(BaseCommand):
    help = "Draw docs/map.md: the flow and the lives of the rows, from the code that runs them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether it is current")

    def handle(self, *args: Any, **options: Any) -> None:
        drawn = "\n".join(["# Map", "", *_INTRODUCTION, "", *_flow_chart(), *_lives()])
        if not options["check"]:
            _PLACE.write_text(drawn, encoding="utf-8")
        elif not _PLACE.is_file() or _PLACE.read_text(encoding="utf-8") != drawn:
            raise CommandError("docs/map.md is old: run 'manage.py drawmap' and commit it.")


_INTRODUCTION = [
    "Drawn by `manage.py drawmap` from `qms/flow.py` and each row's `TRANSITIONS`; not written by hand.",
    "",
    "## What happens, and who acts on it",
]


def _flow_chart() -> Iterator[str]:
    yield from ("```mermaid", "flowchart LR")
    for event, steps in flow().items():
        for step in steps:
            yield f"    {event.__name__} -->|{step.queue}| {step.name}"
        if not steps:
            yield f"    {event.__name__}"
    yield from ("```", "")


def _lives() -> Iterator[str]:
    for model in apps.get_models():
        if issubclass(model, Lifecycle):
            yield from (f"## {model.__name__}", "", "```mermaid", "stateDiagram-v2")
            for start, ends in model.TRANSITIONS.items():
                yield from (f"    {start} --> {end}" for end in sorted(ends))
            yield from ("```", "")
