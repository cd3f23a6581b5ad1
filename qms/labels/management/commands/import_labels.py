from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from qms.labels import exchange_import
from qms.lifecycle import Refused
from qms.plant.models import Product


class Command(BaseCommand):
    help = "Bring in labelled pictures from a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product")
        parser.add_argument("file", type=Path, help="its format: docs/exchange.md")
        parser.add_argument("--as", dest="form", required=True, choices=exchange_import.FORMATS)
        parser.add_argument(
            "--add-types", action="store_true", help="make defect types of unknown categories"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would come in")

    def handle(self, *args: Any, **options: Any) -> None:
        product = Product.objects.filter(code=options["product"]).first()
        if product is None:
            known = ", ".join(Product.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no product {options['product']}. There are: {known}.")
        file: Path = options["file"]
        try:
            with file.open("rb") as opened:
                plan = self._done(opened, file.name, product, options)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except Refused as error:
            raise CommandError(f"{error} Nothing was stored.") from error
        self._tell(plan, dry=options["dry_run"])

    def _done(
        self, file: IO[bytes], name: str, product: Product, options: dict[str, Any]
    ) -> exchange_import.Plan:
        with tqdm(unit=" pictures", disable=None) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            how = {"product": product, "add_types": options["add_types"], "progress": progress}
            if options["dry_run"]:
                return exchange_import.look(file, now=timezone.now(), **how)
            return exchange_import.bring_in(file, name, by=None, **how)

    def _tell(self, plan: exchange_import.Plan, *, dry: bool) -> None:
        for broken in plan.broken:
            self.stderr.write(f"{broken.name}: {broken.why}.")
        if plan.types:
            self.stdout.write(f"Defect types to add: {', '.join(plan.types)}.")
        self.stdout.write(
            f"{'Would be' if dry else 'Done:'} {plan.pictures} new pictures, {plan.annotations} "
            f"new annotations, {plan.known} known already, {len(plan.broken)} left out."
        )
