from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qms.events import seal
from qms.events.models import Event

_SHOWN = 20


class Command(BaseCommand):
    help = "Check the audit trail from its first event to its head."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(islice(seal.verify(), _SHOWN))
        for fault in faults:
            self.stderr.write(f"event {fault.number or '-'} {fault.event_id}: {fault.what}")
        if faults:
            raise CommandError("The audit trail is broken: keep the database as it is and ask why.")
        sealed = Event.objects.exclude(number=None).count()
        waiting = Event.objects.filter(number=None).count()
        self.stdout.write(f"The audit trail holds: {sealed} events sealed, {waiting} to be sealed.")
