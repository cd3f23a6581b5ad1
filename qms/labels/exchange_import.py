"""Labelled pictures from a file: what would come in, and bringing it in, picture by picture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from labeling.exchange import archive
from labeling.exchange.coco_file import BadCoco, Broken, CocoFile
from labeling.exchange.picture import LabelledPicture
from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections import actions as inspections
from qms.inspections import judge
from qms.inspections.models import EARLIEST, Inspection, Source, SubmissionKey
from qms.inspections.submission import Submission
from qms.labels import exchange, exchange_store
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import CODE, Product
from qms.registry.models import ModelVersion

FORMATS = ("coco",)
_AHEAD = timedelta(days=1)
Progress = Callable[[int, int], None]


@dataclass
class Plan:
    """What a file brings in, or would: counted by pictures. ``types`` are made for it."""

    total: int = 0
    pictures: int = 0  # new ones
    annotations: int = 0  # new ones
    known: int = 0  # pictures of which all that the file says is there already
    types: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


def _quiet(done: int, total: int) -> None:
    """Nobody watches."""


def look(
    file: IO[bytes],
    *,
    product: Product,
    add_types: bool,
    now: datetime,
    progress: Progress = _quiet,
    most: int | None = None,
) -> Plan:
    """What would come in. Stores nothing. Refused: the file as a whole cannot.

    ``most`` is how many pictures a door takes that cannot wait for long.
    """
    with _opened(file, product) as coco:
        if most is not None and len(coco) > most:
            raise Refused(
                f"The file has {len(coco)} pictures, the page takes {most}: bring it in by "
                "manage.py import_labels."
            )
        plan = _plan(coco, product, add_types)
        for picture in _walked(coco, plan, progress):
            try:
                inspection = _found(picture, product)
                _check(picture, product, inspection, now)
            except (Refused, judge.BadPicture) as error:
                plan.broken.append(Broken(picture.name, str(error).rstrip(".")))
            else:
                _count(plan, inspection is None, not _says_the_same(inspection, picture))
        return plan


def bring_in(
    file: IO[bytes],
    name: str,
    *,
    product: Product,
    add_types: bool,
    by: User | None,
    progress: Progress = _quiet,
) -> Plan:
    """Each picture with all that the file says of it, or nothing of that picture.

    Running twice brings in nothing twice. Refused: the file as a whole cannot come in.
    """
    with _opened(file, product) as coco:
        plan = _plan(coco, product, add_types)
        types = exchange_store.keep_types(product, coco.categories, by=by, now=timezone.now())
        for picture in _walked(coco, plan, progress):
            now = timezone.now()
            try:
                inspection = _found(picture, product)
                _check(picture, product, inspection, now)
                new = False
                if inspection is None:
                    inspection, new = _submit(picture, product, by=by, now=now)
            except (Refused, judge.BadPicture) as error:
                plan.broken.append(Broken(picture.name, str(error).rstrip(".")))
                continue
            stored = exchange_store.annotate(inspection, picture, types=types, by=by, now=now)
            _count(plan, new, stored is not None)
    _tell(plan, name, product, by)
    return plan


@transaction.atomic
def _tell(plan: Plan, name: str, product: Product, by: User | None) -> None:
    event = catalogue.LabelsImported(
        product=product.code,
        name=name[:255],
        pictures=plan.pictures,
        annotations=plan.annotations,
    )
    actor = str(by) if by else outbox.SYSTEM
    outbox.publish(event, now=timezone.now(), actor=actor)


@contextmanager
def _opened(file: IO[bytes], product: Product) -> Iterator[CocoFile]:
    """The file as COCO; what is wrong with it as a whole is Refused."""
    largest = settings.MAX_PICTURE_MB * 1024 * 1024
    try:
        with archive.opened(file) as opened:
            yield CocoFile(opened, product=product.code, largest=largest)
    except (archive.BadArchive, BadCoco) as error:
        raise Refused(str(error)) from None


def _plan(coco: CocoFile, product: Product, add_types: bool) -> Plan:
    """Refused before any picture: nobody to judge them, or types that the product lacks."""
    ModelVersion.active_for(product)
    known = set(product.defect_types.values_list("code", flat=True))
    types = sorted(set(coco.categories) - known)
    if types and not add_types:
        raise Refused(
            f"Product {product} has no defect type {', '.join(types)}: rename the categories of "
            "the file, or let the missing types be added."
        )
    for code in types:
        _check_code(product, code)
    return Plan(total=len(coco), types=types)


def _check_code(product: Product, code: str) -> None:
    try:
        plant.check_codes(product.code, defect_types=[code])
        CODE(code)
    except ValidationError as error:
        raise Refused(
            f"The category {code!r} cannot be a defect type: {' '.join(error.messages)}"
        ) from None


def _walked(coco: CocoFile, plan: Plan, progress: Progress) -> Iterator[LabelledPicture]:
    """The sound pictures; the broken ones are noted."""
    for number, picture in enumerate(coco.pictures(), start=1):
        if isinstance(picture, Broken):
            plan.broken.append(picture)
        else:
            yield picture
        progress(number, plan.total)


def _count(plan: Plan, new: bool, said: bool) -> None:
    plan.pictures += new
    plan.annotations += said
    plan.known += not new and not said


def _found(picture: LabelledPicture, product: Product) -> Inspection | None:
    """This house's own picture, or one that was imported before."""
    key = SubmissionKey.objects.filter(
        scope="", external_id=exchange.external_id(picture.identity, product)
    )
    if known := key.select_related("inspection__product", "inspection__imported").first():
        if known.fingerprint not in _submission(picture, product).fingerprints:
            raise Refused(
                "it came in before as another picture, or with another serial or lot "
                f"(inspection {known.inspection_id})"
            )
        return known.inspection
    try:
        own = UUID(picture.identity)
    except ValueError:
        return None
    rows = Inspection.objects.select_related("product", "imported")
    return rows.filter(pk=own, product=product).first()


def _check(
    picture: LabelledPicture, product: Product, inspection: Inspection | None, now: datetime
) -> None:
    """Refused, or BadPicture, before anything of it is stored."""
    facts = inspection or judge.check(picture.content())
    if (facts.width, facts.height) != (picture.width, picture.height):
        raise Refused(
            f"it is {facts.width} x {facts.height} pixels upright, the file says "
            f"{picture.width} x {picture.height}"
        )
    if picture.made_at and not EARLIEST <= picture.made_at <= now + _AHEAD:
        raise Refused(f"it was labelled at {picture.made_at.isoformat()}, which cannot be")
    _submission(picture, product).check(now=now)


def _says_the_same(inspection: Inspection | None, picture: LabelledPicture) -> bool:
    return inspection is not None and exchange_store.is_known(inspection, picture)


def _submission(picture: LabelledPicture, product: Product) -> Submission:
    return Submission(
        product=product,
        picture=picture.content(),
        source=Source.IMPORT,
        name=picture.name,
        serial=picture.serial,
        lot=picture.lot,
        captured_at=picture.captured_at,
        external_id=exchange.external_id(picture.identity, product),
    )


def _submit(
    picture: LabelledPicture, product: Product, *, by: User | None, now: datetime
) -> tuple[Inspection, bool]:
    actor = str(by) if by else outbox.SYSTEM
    return inspections.submit(_submission(picture, product), now=now, actor=actor)
