from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qms.events import seal, witness
from qms.events.models import Event

_SHOWN = 20


class Command(BaseCommand):
    help = "Check the audit trail from its first event to its head, and the rows it tells of."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-witness",
            action="store_true",
            help="leave a first witness again, once you know why the old one is gone",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_witness"]:
            self._leave_witness()
        faults = list(islice(seal.verify(), _SHOWN))
        for fault in faults:
            self.stderr.write(f"event {fault.number or '-'} {fault.event_id}: {fault.what}")
        if faults:
            raise CommandError("The audit trail is broken: keep the database as it is and ask why.")
        sealed = Event.objects.exclude(number=None).count()
        waiting = Event.objects.filter(number=None).count()
        self.stdout.write(f"The audit trail holds: {sealed} events sealed, {waiting} to be sealed.")

    def _leave_witness(self) -> None:
        try:
            witness.leave(now=timezone.now(), anew=True)
        except witness.TrailBroken as broken:
            raise CommandError(str(broken)) from broken
