from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from labeling.exchange.splits import SHARES, Splitter
from qms.labels import exchange
from qms.plant.models import Product


class Command(BaseCommand):
    help = "Write what people labelled of a product into a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product")
        parser.add_argument(
            "file", type=Path, help="the zip to write; its formats: docs/exchange.md"
        )
        parser.add_argument("--as", dest="to", required=True, choices=list(exchange.FORMATS))
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY")
        parser.add_argument(
            "--shares",
            type=_shares,
            default=SHARES,
            metavar="TRAIN,VAL,TEST",
            help="of the lots, in per cent: 80,10,10",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        product = Product.objects.filter(code=options["product"]).first()
        if product is None:
            known = ", ".join(Product.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no product {options['product']}. There are: {known}.")
        last: date | None = options["last"]
        asked = exchange.Asked(
            product=product,
            since=_midnight(options["first"]),
            until=_midnight(last + timedelta(days=1) if last else None),
        )
        found = exchange.chunks(
            asked, to=options["to"], now=timezone.now(), shares=options["shares"]
        )
        _write(options["file"], found)
        told = exchange.counts(asked)
        self.stdout.write(
            f"{options['file']} is written: {told['labelled']} labelled pictures asked for; "
            f"{told['skipped']} skipped and {told['never']} never labelled are named in its "
            "manifest.json and pictures.csv."
        )


def _write(file: Path, chunks: Any) -> None:
    """Beside it first: a name is there whole or not at all."""
    beside = file.with_name(f".{file.name}.part")
    try:
        with beside.open("wb") as out:
            out.writelines(chunks)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _shares(text: str) -> tuple[float, ...]:
    try:
        return Splitter(tuple(float(part) / 100 for part in text.split(","))).shares
    except ValueError:
        raise ArgumentTypeError(f"{text!r} are no three numbers that add up to 100.") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day such as 2026-01-31.") from None
