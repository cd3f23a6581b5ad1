from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
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
        now = timezone.now()
        types = judge.defect_types_of(options["folder"])
        product = plant.ensure_product(options["product"], defect_types=types, now=now)
        if options["mm_per_px"]:
            scale = options["mm_per_px"]
            plant.publish_recipe(product, by=None, now=now, reason="scale", mm_per_px=scale)
        with tqdm(desc=f"Fitting {product}", unit="step", disable=None) as bar:
            fitted = judge.fit(
                options["folder"],
                product=product.code,
                detector=options["detector"],
                backbone=options["backbone"],
                size=options["size"],
                progress=lambda done, total: _show(bar, done, total),
            )
        self.stdout.write(f"{fitted.pictures} good parts in {fitted.seconds:.0f} s.")
        version = registry.enrol(product, fitted.artefact, by=None, now=timezone.now())
        if not options["candidate"]:
            registry.promote(version, by=None, now=timezone.now())
        return version


def _show(bar: "tqdm[Any]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
