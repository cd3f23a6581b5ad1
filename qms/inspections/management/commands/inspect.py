import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from qms.inspections import actions, judge
from qms.inspections.models import Inspection, Source, Status
from qms.inspections.output import InspectionOutput, with_verdicts
from qms.inspections.submission import shown
from qms.lifecycle import Refused
from qms.plant.models import Product, Station

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_LOOK_EVERY = 0.2  # seconds
_SILENCE = 60  # seconds without a verdict until we ask whether anybody works
_COLOURS = {"OK": "green", "NOT_OK": "red", "NOT_DECIDABLE": "yellow"}


@dataclass
class Line:
    """One file: what became of it, or why it was refused."""

    path: Path
    inspection: Inspection | None = None
    refusal: str = ""


class Command(BaseCommand):
    help = "Send pictures through the real queue, wait for their verdicts and show them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product")
        parser.add_argument("paths", nargs="+", type=Path, help="pictures, or folders of them")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output"
        )
        parser.add_argument("--station", help="its code")
        parser.add_argument("--lot", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = [Line(path) for path in _files(options["paths"])]
        if not lines:
            raise CommandError("There is no picture in these folders.")
        self._submit(lines, options)
        self._wait([line.inspection.pk for line in lines if line.inspection])
        _reload(lines)
        self._show(lines, as_json=options["json"])
        if any(line.refusal for line in lines):
            raise SystemExit(1)

    def _submit(self, lines: list[Line], options: dict[str, Any]) -> None:
        product = _find(Product, options["product"])
        station = _find(Station, options["station"]) if options["station"] else None
        for line in tqdm(lines, desc="Sending", unit="picture", disable=None):
            try:
                line.inspection = _sent(line.path, product, station, options["lot"])
            except judge.BadPicture as error:
                line.refusal = str(error)
            except OSError as error:
                line.refusal = f"The file cannot be read ({error.strerror or error})."
            except Refused as error:
                raise CommandError(str(error)) from error

    def _wait(self, keys: list[Any]) -> None:
        done, heard = 0, time.monotonic()
        with tqdm(total=len(keys), desc="Judging", unit="picture", disable=None) as bar:
            while done < len(keys):
                waiting = Inspection.objects.filter(pk__in=keys, status=Status.SUBMITTED).count()
                if len(keys) - waiting > done:
                    heard = time.monotonic()
                    bar.update(len(keys) - waiting - done)
                    done = len(keys) - waiting
                elif time.monotonic() - heard > _SILENCE:
                    raise CommandError(
                        f"No verdict for {_SILENCE} s, {waiting} pictures wait safely: "
                        "start the workers with 'make run'."
                    )
                else:
                    time.sleep(_LOOK_EVERY)

    def _show(self, lines: list[Line], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"inspections": [_as_json(line) for line in lines]}))
            return
        console = Console()
        console.print(_table(lines))
        totals = Counter(_evaluation(line) for line in lines)
        console.print(" · ".join(f"{count} {word}" for word, count in sorted(totals.items())))


def _sent(path: Path, product: Product, station: Station | None, lot: str) -> Inspection:
    submission = actions.Submission(
        product=product,
        picture=path.read_bytes(),
        name=shown(path),
        source=Source.COMMAND,
        station=station,
        lot=lot,
    )
    return actions.submit(submission, now=timezone.now(), actor="command line")[0]


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            yield from (p for p in inside if p.suffix.lower() in _SUFFIXES and p.is_file())
        elif path.is_file():
            yield path
        else:
            raise CommandError(f"There is no file or folder {path}.")


def _find(kind: Any, code: str) -> Any:
    found = kind.objects.filter(code=code).first()
    if found is None:
        known = ", ".join(kind.objects.values_list("code", flat=True)) or "none yet"
        raise CommandError(f"There is no {kind._meta.verbose_name} {code}. There are: {known}.")
    return found


def _reload(lines: list[Line]) -> None:
    keys = [line.inspection.pk for line in lines if line.inspection]
    rows = with_verdicts(Inspection.objects.filter(pk__in=keys)).in_bulk()
    for line in lines:
        if line.inspection:
            line.inspection = rows[line.inspection.pk]


def _as_json(line: Line) -> dict[str, Any]:
    body = InspectionOutput(line.inspection).data if line.inspection else {}
    return {
        "path": str(line.path),
        "refusal": line.refusal,
        **json.loads(json.dumps(body, default=str)),
    }


def _evaluation(line: Line) -> str:
    if line.inspection is None:
        return "REFUSED"
    if line.inspection.status == Status.FAILED:
        return "FAILED"
    verdict = next(iter(line.inspection.verdicts.all()), None)
    return verdict.evaluation if verdict else "UNDEFINED"


def _table(lines: list[Line]) -> Table:
    table = Table("Picture", "Evaluation", "Score", "What was seen")
    for line in lines:
        word = _evaluation(line)
        colour = _COLOURS.get(word, "magenta")
        table.add_row(str(line.path), f"[{colour}]{word}[/]", _score(line), _words(line))
    return table


def _score(line: Line) -> str:
    score = line.inspection.score if line.inspection else None
    return "" if score is None else f"{score:.3f}"


def _words(line: Line) -> str:
    if line.inspection is None:
        return line.refusal
    verdict = next(iter(line.inspection.verdicts.all()), None)
    return verdict.description if verdict else line.inspection.error
