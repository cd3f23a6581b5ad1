import re
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from qms.inspections.folder import WatchedFolder
from qms.lifecycle import Refused
from qms.plant.models import Product, Station
from qms.registry.models import ModelVersion

log = structlog.get_logger(__name__)

_LONGEST = 86_400.0  # seconds between two looks


class Command(BaseCommand):
    help = "Take in each picture that lands in a folder; move it to done/ or failed/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product")
        parser.add_argument("folder", type=Path)
        parser.add_argument("--station", help="its code")
        parser.add_argument("--serial", help="a pattern that finds the serial number in file names")
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
        parser.add_argument("--looks", type=int, help="stop after so many looks")

    def handle(self, *args: Any, **options: Any) -> None:
        watched = _watched(options)
        self.stdout.write(f"Watching {watched.folder} for {watched.product}. Ctrl-C stops.")
        looks = 0
        try:
            while options["looks"] is None or looks < options["looks"]:
                _look(watched)
                looks += 1
                time.sleep(options["every"])
        except KeyboardInterrupt:
            self.stdout.write("Stopped. Files that were not moved are taken in next time.")


def _look(watched: WatchedFolder) -> None:
    try:
        watched.look()
    except OSError as error:
        log.warning("folder cannot be read, trying again", error=str(error))
    except (OperationalError, InterfaceError) as error:
        log.warning("database gone, files stay where they are", error=str(error).strip())
        connection.close()


def _check(every: float, folder: Path) -> None:
    if not 0 <= every <= _LONGEST:
        raise CommandError("--every is the seconds between two looks: 0 to 86400.")
    for name in ("done", "failed"):
        if (place := folder / name).exists() and not place.is_dir():
            raise CommandError(f"{place} is a file, and must be a folder: rename or remove it.")


def _watched(options: dict[str, Any]) -> WatchedFolder:
    folder: Path = options["folder"]
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    _check(options["every"], folder)
    try:
        product = Product.objects.get(code=options["product"])
        station = Station.objects.get(code=options["station"]) if options["station"] else None
        pattern = re.compile(options["serial"]) if options["serial"] else None
        ModelVersion.active_for(product)
    except (Product.DoesNotExist, Station.DoesNotExist) as error:
        raise CommandError(f"{error} Check the code.") from error
    except re.error as error:
        raise CommandError(f"--serial is no regular expression: {error}.") from error
    except Refused as error:
        raise CommandError(str(error)) from error
    return WatchedFolder(folder.resolve(), product, station, pattern)
