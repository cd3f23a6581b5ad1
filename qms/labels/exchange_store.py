"""What a file says of one picture, as facts: the annotation whole, or nothing of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from labeling.exchange import runs
from labeling.exchange.coco import UNKNOWN
from labeling.exchange.picture import Category, LabelledPicture
from qms.accounts.models import User
from qms.events import outbox
from qms.inspections import actions as inspections
from qms.inspections.models import Inspection, Status
from qms.inspections.models import Source as CameFrom
from qms.labels import corrections, exchange
from qms.labels.imported import Imported
from qms.labels.models import Annotation, LabelledRegion, QAPair, Source
from qms.plant import actions as plant
from qms.plant import changes
from qms.plant.models import DefectType, Product, Severity

_ONE_AT_A_TIME = 7_262_412  # the advisory lock of whoever stores imported labels
Types = Mapping[str, DefectType]


@transaction.atomic
def annotate(
    inspection: Inspection,
    picture: LabelledPicture,
    *,
    types: Types,
    by: User | None,
    now: datetime,
) -> Annotation | None:
    """Store what the file says; None if somebody said exactly that of it before."""
    _alone()
    if is_known(inspection, picture):
        return None
    annotation = Annotation.objects.create(
        inspection=inspection,
        source=Source.IMPORT,
        person=None if picture.person else by,
        person_name=picture.person or (str(by) if by else outbox.SYSTEM),
        made_at=picture.made_at or now,
        received_at=now,
        seconds=picture.seconds,
        evaluation=picture.evaluation,
        evaluation_origin=picture.evaluation_origin,
        description=picture.description,
        description_origin=picture.description_origin,
        deleted=list(picture.deleted),
    )
    _keep_regions(annotation, picture, types)
    _keep_answers(annotation, picture)
    _keep_words(inspection.product, picture.id, picture.said, inspection=inspection)
    corrections.tell(annotation, now=now)
    settle(inspection.pk, now=now)
    return annotation


def is_known(inspection: Inspection, picture: LabelledPicture) -> bool:
    """Did somebody say the same of it? A file that does not tell who and when is not asked so."""
    said = _said(picture)
    for annotation in exchange.annotations_of(inspection):
        there = exchange.picture_of(inspection, annotation)
        same_time = picture.made_at in (None, there.made_at)
        if same_time and picture.person in ("", there.person) and _said(there) == said:
            return True
    return False


def _said(picture: LabelledPicture) -> list[Any]:
    """Who, when, and what files call things apart."""
    regions = [
        (one.label, one.severity, one.confidence, one.note, one.origin, one.counts)
        for one in picture.regions
    ]
    words = ("evaluation", "evaluation_origin", "description", "description_origin")
    rest = ("answers", "deleted", "seconds")
    return [regions, *(getattr(picture, word) for word in (*words, *rest))]


@transaction.atomic(savepoint=False)
def settle(inspection_id: UUID, *, now: datetime) -> None:
    """Once the model has judged an imported picture, the person's word is its evaluation.

    Both may come first, so both call this, and the row's lock lets the later one see the other.
    """
    rows = Inspection.objects.select_for_update(no_key=True)
    inspection = rows.get(pk=inspection_id)
    if inspection.source != CameFrom.IMPORT or inspection.status != Status.JUDGED:
        return
    if latest := corrections.latest_of(inspection):
        inspections.settle(
            inspection, evaluation=latest.evaluation, now=now, actor=latest.person_name
        )


def _keep_regions(annotation: Annotation, picture: LabelledPicture, types: Types) -> None:
    size = (picture.height, picture.width)
    rows = []
    for number, region in enumerate(picture.regions, start=1):
        (x, y, width, height), area = runs.measures(runs.pack(region.counts, *size), *size)
        rows.append(
            LabelledRegion(
                annotation=annotation,
                number=number,
                defect_type=types[region.label] if region.label is not None else None,
                severity=region.severity,
                confidence=region.confidence,
                note=region.note,
                origin=region.origin,
                x=x,
                y=y,
                width=width,
                height=height,
                counts=list(region.counts),
                area_px=area,
            )
        )
    product = annotation.inspection.product
    for row, region in zip(LabelledRegion.objects.bulk_create(rows), picture.regions, strict=True):
        found = {} if region.finding is None else {"finding": region.finding}
        _keep_words(product, region.id, {**region.said, **found}, region=row)


def _keep_answers(annotation: Annotation, picture: LabelledPicture) -> None:
    QAPair.objects.bulk_create(
        QAPair(
            annotation=annotation,
            slot=one.slot,
            question=one.question,
            predicted=one.predicted,
            corrected=one.corrected,
            origin=one.origin,
            edit_distance=one.edit_distance,
        )
        for one in picture.answers
    )


def _keep_words(
    product: Product, number: int | None, said: Mapping[str, Any], **thing: Any
) -> None:
    """Its number in the file if it is free, and the file's own words; no row without either."""
    ((kind, row),) = thing.items()
    known = Imported.objects.filter(product=product, **{f"{kind}__isnull": False})
    if number is not None and known.filter(number=number).exists():
        number = None
    if (number is not None or said) and not known.filter(**{kind: row}).exists():
        Imported.objects.create(product=product, number=number, said=dict(said), **thing)


@transaction.atomic
def keep_types(
    product: Product, categories: Mapping[str, Category], *, by: User | None, now: datetime
) -> Types:
    """The product's defect types of these codes; those that are missing are made."""
    _alone()
    types = {row.code: row for row in product.defect_types.all()}
    for code, category in categories.items():
        if code not in types:
            types[code] = _made(product, category, len(types), by=by, now=now)
        _keep_number(product, category, types[code])
    return types


def _keep_number(product: Product, category: Category, row: DefectType) -> None:
    """The file's number of a type, unless exports give it to another type already."""
    given = {one.code: one.id for one in exchange.categories(product)}
    others = {number for code, number in given.items() if code != category.code}
    needless = category.id in (given[category.code], UNKNOWN["id"])
    number = None if needless or category.id in others else category.id
    _keep_words(product, number, category.said, defect_type=row)


def _made(
    product: Product, category: Category, number: int, *, by: User | None, now: datetime
) -> DefectType:
    row = DefectType(product=product, code=category.code)
    mark = plant.mark(number)
    words = {
        **mark,
        "name": category.name or plant.readable(category.code),
        "severity": category.severity or Severity.MAJOR,
        "colour": category.colour or mark["colour"],
    }
    changes.save(row, words, by=by, now=now)
    return row


def _alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
