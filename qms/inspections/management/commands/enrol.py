from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from qms.inspections import judge
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.registry import actions as registry
from qms.registry.models import ModelVersion


class Command(BaseCommand):
    help = "Fit a model on pictures of good parts, enrol it for a product and make it the judge."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", help="its code, such as FLANGE-40; made if it is new")
        parser.add_argument("folder", type=Path, help="good parts, MVTec layout or a manifest.csv")
        parser.add_argument("--detector", default="memory")
        parser.add_argument("--backbone", default="builtin", help="see: python -m inference list")
        parser.add_argument("--size", type=int, default=256, help="side of the judged picture, px")
        parser.add_argument("--mm-per-px", type=float, help="scale of the camera, if it is known")
        parser.add_argument("--candidate", action="store_true", help="do not promote it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = self._enrol(options)
        except (judge.Fault, Refused) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(f"{options['product']}: {' '.join(error.messages)}") from error
        self.stdout.write(f"{version} is {version.status.lower()}. {version.promise}")

    def _enrol(self, options: dict[str, Any]) -> ModelVersion:
        _check(options["mm_per_px"])
        types = judge.defect_types_of(options["folder"])
        plant.check_codes(options["product"], defect_types=types)
        fitted = self._fit(options)
        self.stdout.write(f"{fitted.pictures} good parts in {fitted.seconds:.0f} s.")
        return _enter(options, types, fitted)

    def _fit(self, options: dict[str, Any]) -> judge.Fitted:
        code = options["product"]
        with tqdm(desc=f"Fitting {code}", unit="step", disable=None) as bar:
            return judge.fit(
                options["folder"],
                product=code,
                detector=options["detector"],
                backbone=options["backbone"],
                size=options["size"],
                progress=lambda done, total: _show(bar, done, total),
            )


@transaction.atomic
def _enter(options: dict[str, Any], types: list[str], fitted: judge.Fitted) -> ModelVersion:
    """All of it or nothing: a product is not left behind without its model."""
    now, scale = timezone.now(), options["mm_per_px"]
    product = plant.ensure_product(options["product"], defect_types=types, now=now)
    if scale is not None:
        plant.publish_recipe(product, by=None, now=now, reason="scale", mm_per_px=scale)
    version = registry.enrol(product, fitted.artefact, by=None, now=now)
    if not options["candidate"]:
        registry.promote(version, by=None, now=now)
    return version


def _check(scale: float | None) -> None:
    if scale is not None and not 0 < scale < float("inf"):
        raise CommandError("--mm-per-px is the size of a pixel in millimetres: more than 0.")


def _show(bar: "tqdm[Any]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
