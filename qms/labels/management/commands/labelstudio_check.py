"""Is all well between Andon and Label Studio?"""

import json
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandParser

from qms.labels.checkup import Check, checks


class Command(BaseCommand):
    help = "Say in plain words what is wrong between Andon and Label Studio, and what to do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for a machine to read")

    def handle(self, *_: Any, **options: Any) -> None:
        found = checks()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], indent=2))
        else:
            for one in found:
                self._say(one)
        if any(one.ok is False for one in found):
            raise SystemExit(1)

    def _say(self, check: Check) -> None:
        word = {True: "ok", False: "WRONG", None: "later"}[check.ok]
        self.stdout.write(f"{word:<6} {check.name}: {check.says}")
        if check.do and not check.ok:
            self.stdout.write(f"       -> {check.do}")
