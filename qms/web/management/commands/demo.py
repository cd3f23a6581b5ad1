import io
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from qms.inspections import actions
from qms.inspections.models import Source
from qms.plant.actions import ensure_station
from qms.plant.changes import save
from qms.plant.models import DefectType, Product, Severity
from qms.registry.models import ModelVersion, Status
from qms.web.machined_parts import DEFECTS, part, write_dataset

PRODUCT, STATIONS = "FLANGE-40", ("CAM-1", "CAM-2")
_NORMALS, _DEFECTS_PER_TYPE, _SEED = 160, 6, 7
_MM_PER_PX, _TAKT_SECONDS = 0.25, 4.0
_SEVERITY: dict[
    str, dict[str, Any]
] = {  # and how many confirmed ones in a shift open a nonconformance
    "missing_hole": {"severity": Severity.CRITICAL, "raises_after": 1},
    "dent": {"severity": Severity.MAJOR, "raises_after": 3},
    "scratch": {"severity": Severity.MINOR, "raises_after": None},
    "stain": {"severity": Severity.MINOR, "raises_after": None},
}
_LINE_SEED = 100_000  # the parts of the line are none that the model was fitted on


class Command(BaseCommand):
    help = "Enrol the demo product with generated pictures and send some of its parts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--parts", type=int, default=24, help="how many parts the line makes")
        parser.add_argument("--every", type=float, default=0.0, help="seconds between two parts")

    def handle(self, *args: Any, **options: Any) -> None:
        if not ModelVersion.objects.filter(product__code=PRODUCT, status=Status.ACTIVE).exists():
            self._enrol()
        product = Product.objects.get(code=PRODUCT)
        stations = [ensure_station(code) for code in STATIONS]
        numbers = range(_next_number(product), _next_number(product) + options["parts"])
        for number in tqdm(numbers, desc="Sending", unit="part", disable=None):
            submission = actions.Submission(
                product=product,
                picture=_photograph(number),
                source=Source.DEMO,
                serial=f"F40-{number:05}",
                lot=f"L{number // 50 + 1:03}",
                station=stations[number % len(stations)],
                is_simulated=True,
            )
            actions.submit(submission, now=timezone.now(), actor="demo line")
            time.sleep(options["every"])

    def _enrol(self) -> None:
        folder = settings.VAR / "demo" / PRODUCT
        write_dataset(folder, normals=_NORMALS, defects_per_type=_DEFECTS_PER_TYPE, seed=_SEED)
        call_command("enrol", PRODUCT, folder, mm_per_px=_MM_PER_PX, stdout=self.stdout)
        now = timezone.now()
        for kind in DefectType.objects.filter(product__code=PRODUCT):
            save(kind, _SEVERITY.get(kind.code, {}), by=None, now=now)
        for code in STATIONS:
            save(ensure_station(code), {"takt_seconds": _TAKT_SECONDS}, by=None, now=now)


def _next_number(product: Product) -> int:
    return product.inspection_set.filter(source=Source.DEMO).count() + 1


def defect_of(number: int) -> str | None:
    """Every fifth part has a defect, of each type in turn."""
    return DEFECTS[number // 5 % len(DEFECTS)] if number % 5 == 0 else None


def _photograph(number: int) -> bytes:
    out = io.BytesIO()
    part(_LINE_SEED + number, defect_of(number))[0].save(out, "PNG")
    return out.getvalue()
