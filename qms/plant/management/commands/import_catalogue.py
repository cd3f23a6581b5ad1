from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qms.lifecycle import Refused
from qms.plant import catalogue_import
from qms.plant.changes import UNCHANGED


class Command(BaseCommand):
    help = "Bring in sites, stations, products, defect types and questions from a JSON or CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="its formats: docs/catalogue.md")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        plan = self._planned(file.name, data)
        if not options["dry_run"]:
            self._bring_in(file.name, data, plan)
        done = "Would be" if options["dry_run"] else "Done:"
        self.stdout.write(
            f"{done} {plan.added} added, {plan.changed} changed, {plan.unchanged} unchanged."
        )

    def _planned(self, name: str, data: bytes) -> catalogue_import.Plan:
        plan = catalogue_import.dry_run(name, data, by=None, now=timezone.now())
        if plan.problems:
            told = "\n".join(f"line {p.line}: {p.sentence}" for p in plan.problems)
            raise CommandError(f"{told}\nNothing was stored.")
        for outcome in (o for o in plan.outcomes if o.what != UNCHANGED):
            self.stdout.write(f"line {outcome.line}: {outcome.kind} {outcome.code} {outcome.what}")
        return plan

    def _bring_in(self, name: str, data: bytes, plan: catalogue_import.Plan) -> None:
        now = timezone.now()
        try:
            catalogue_import.bring_in(name, data, by=None, now=now, agreed=plan.digest)
        except Refused as error:
            raise CommandError(str(error)) from error
