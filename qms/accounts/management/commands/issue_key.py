from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qms.accounts import keys
from qms.accounts.models import User
from qms.lifecycle import Refused


class Command(BaseCommand):
    help = "Make an API key for a machine and show it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what will use it, such as line-3-camera")
        parser.add_argument("--scopes", default="ingest,read", help="ingest, read, admin")

    def handle(self, *args: Any, **options: Any) -> None:
        by = User.objects.filter(is_superuser=True).order_by("pk").first()
        if by is None:
            raise CommandError("There is no administrator yet: run 'make run' once.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            _, text = keys.issue(name=options["name"], scopes=scopes, by=by, now=timezone.now())
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text)
