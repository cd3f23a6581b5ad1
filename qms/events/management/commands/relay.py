from typing import Any

from django.core.management.base import BaseCommand

from qms.events.relay import Relay


class Command(BaseCommand):
    help = "Hear what is due and ring the workers; seal the audit trail; strike the hour."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Relay().run()
        except KeyboardInterrupt:
            return
