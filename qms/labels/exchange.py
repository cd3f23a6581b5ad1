"""Rows to labelled pictures, and these to an export: what people last said of each inspection."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, prefetch_related_objects
from PIL import Image

from labeling.exchange import export, parcel, splits
from labeling.exchange.picture import QA, Category, LabelledPicture, Left, Region
from labeling.words import Origin
from qms import storage
from qms.accounts.models import User
from qms.inspections import pictures
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Inspection, Source
from qms.labels.corrections import SAID_AT
from qms.labels.imported import Imported
from qms.labels.models import Annotation, LabelledRegion
from qms.partitions import first_key
from qms.plant.models import DefectType, Product

FORMATS = {"coco": "COCO", "mvtec": "MVTec", "yolo": "YOLO-seg", "ddqa": "DDQA"}
PREFIX = "import"  # of the external id of a picture that came in with its labels
_AT_ONCE = 100  # inspections with their masks in memory
_BESIDE = 500_000  # added to the number of a defect type that an import has taken before it
_BARE_JPEG = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe"} | {
    "adobe_transform",
    "progressive",
    "progression",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to go out: pictures of a product that were received within a time; who asks."""

    product: Product
    since: datetime | None = None
    until: datetime | None = None
    reader: User | None = None

    @property
    def rows(self) -> QuerySet[Inspection]:
        rows = Inspection.objects.filter(product=self.product)
        if self.since:
            rows = rows.filter(id__gte=first_key(self.since))
        return rows.filter(id__lt=first_key(self.until)) if self.until else rows

    @property
    def about(self) -> dict[str, Any]:
        days = {"from": self.since, "until": self.until}
        return {
            "andon_export": 1,
            **{word: day.isoformat() if day else None for word, day in days.items()},
            "by": str(self.reader) if self.reader else "",
        }


def chunks(
    asked: Asked, *, to: str, now: datetime, shares: tuple[float, ...] = splits.SHARES
) -> Iterator[bytes]:
    """The zip of an export, piece by piece. ``to`` is a key of FORMATS."""
    files = export.files(
        entries(asked),
        to=to,
        product=asked.product.code,
        categories=categories(asked.product),
        splitter=splitter(asked.product, shares),
        about={**asked.about, "made_at": now.isoformat()},
    )
    return parcel.zipped(files)


def counts(asked: Asked) -> dict[str, int]:
    """How many pictures are labelled, only skipped, or neither."""
    said = Annotation.objects.filter(inspection__in=asked.rows.order_by())
    labelled = said.filter(skipped=False).values("inspection").distinct().count()
    looked_at = said.values("inspection").distinct().count()
    return {
        "labelled": labelled,
        "skipped": looked_at - labelled,
        "never": asked.rows.count() - looked_at,
    }


def entries(asked: Asked) -> Iterator[LabelledPicture | Left]:
    """All inspections that were asked for, oldest first, in slices by key."""
    rows = asked.rows.order_by("id").select_related("product", "part", "lot", "imported")
    rows = rows.prefetch_related("reviews")
    after: UUID | None = None
    while True:
        part = list((rows.filter(id__gt=after) if after else rows)[:_AT_ONCE])
        yield from _told(part, asked.reader)
        if len(part) < _AT_ONCE:
            return
        after = part[-1].pk


def _told(
    inspections: Sequence[Inspection], reader: User | None
) -> Iterator[LabelledPicture | Left]:
    shown = [one for one in inspections if not is_hidden(one, reader)]
    latest = _latest(shown)
    for inspection in inspections:
        if inspection not in shown:
            yield Left(identity="", name="", why="withheld: it is yet to be judged blind")
        elif (annotation := latest.get(inspection.pk)) is None:
            yield _left(inspection, "never labelled")
        elif annotation.skipped:
            yield _left(inspection, f"skipped: {annotation.skip_reason}".rstrip(": "))
        else:
            yield picture_of(inspection, annotation)


def _left(inspection: Inspection, why: str) -> Left:
    return Left(identity=identity_of(inspection), name=inspection.picture_name, why=why)


def _latest(inspections: Sequence[Inspection]) -> Mapping[UUID, Annotation]:
    """What was last said of each; a skip only where nothing else was."""
    rows = Annotation.objects.filter(inspection__in=[one.pk for one in inspections])
    found: dict[UUID, Annotation] = {}
    for annotation in rows.select_related("person").order_by("skipped", SAID_AT.desc(), "-id"):
        found.setdefault(annotation.inspection_id, annotation)
    prefetch_related_objects([one for one in found.values() if not one.skipped], *_whole())
    return found


def _whole() -> tuple[Any, ...]:
    regions = LabelledRegion.objects.select_related("defect_type", "finding", "imported")
    return (Prefetch("regions", regions), "answers")


def annotations_of(inspection: Inspection) -> list[Annotation]:
    return list(inspection.annotations.filter(skipped=False).prefetch_related(*_whole()))


def picture_of(inspection: Inspection, annotation: Annotation) -> LabelledPicture:
    """One annotation and its inspection in the words of the exchange."""
    imported = getattr(inspection, "imported", None)
    return LabelledPicture(
        identity=identity_of(inspection),
        name=inspection.picture_name,
        sha256=inspection.picture_sha256,
        width=inspection.width,
        height=inspection.height,
        product=inspection.product.code,
        lot=inspection.lot.number if inspection.lot else "",
        serial=inspection.serial,
        captured_at=inspection.captured_at,
        evaluation=annotation.evaluation,
        evaluation_origin=Origin(annotation.evaluation_origin),
        description=annotation.description,
        description_origin=Origin(annotation.description_origin),
        regions=tuple(_region(row) for row in annotation.regions.all()),
        answers=tuple(
            QA(
                slot=row.slot,
                question=row.question,
                predicted=row.predicted,
                corrected=row.corrected,
                origin=Origin(row.origin),
                edit_distance=row.edit_distance,
            )
            for row in annotation.answers.all()
        ),
        deleted=tuple(annotation.deleted),
        person=annotation.person_name,
        made_at=annotation.made_at,
        seconds=annotation.seconds,
        content=partial(_content, inspection),
        id=imported.number if imported else None,
        said=imported.said if imported else {},
    )


def _region(row: LabelledRegion) -> Region:
    imported: Imported | None = getattr(row, "imported", None)
    said = dict(imported.said) if imported else {}
    finding = said.pop("finding", None)
    return Region(
        label=row.defect_type.code if row.defect_type else None,
        severity=row.severity,
        confidence=row.confidence,
        note=row.note,
        origin=Origin(row.origin),
        counts=tuple(row.counts),
        finding=row.finding.number if row.finding else finding,
        id=imported.number if imported else None,
        said=said,
    )


def identity_of(inspection: Inspection) -> str:
    """Its own key; of a picture that was imported, what its first house called it."""
    if inspection.source == Source.IMPORT:
        return inspection.external_id.split(":")[1]
    return str(inspection.pk)


def external_id(identity: str, product: Product) -> str:
    return f"{PREFIX}:{identity}:{product.code}"


def _content(inspection: Inspection) -> bytes:
    """The upright picture. A JPEG that is upright and bare already is not encoded once more."""
    sent = storage.read(inspection.picture_key) if inspection.picture_key[-4:] == ".jpg" else b""
    return sent if sent and _is_bare(sent) else pictures.upright(inspection)[0]


def _is_bare(jpeg: bytes) -> bool:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.mode in ("L", "RGB") and set(image.info) <= _BARE_JPEG


def categories(product: Product) -> list[Category]:
    """Its defect types, those out of use too. Their numbers stay when others are added."""
    rows = list(product.defect_types.select_related("imported").order_by("pk"))
    taken = {row.imported.number for row in rows if hasattr(row, "imported")}
    return [_category(row, taken) for row in rows]


def _category(row: DefectType, taken: set[int | None]) -> Category:
    imported: Imported | None = getattr(row, "imported", None)
    own = row.pk + _BESIDE if row.pk in taken else row.pk
    kept = imported.number if imported and imported.number is not None else own
    return Category(
        id=kept,
        code=row.code,
        name=row.name,
        severity=row.severity,
        colour=row.colour,
        said=imported.said if imported else {},
    )


def splitter(product: Product, shares: tuple[float, ...] = splits.SHARES) -> splits.Splitter:
    """Asks once for what ties lots together: parts in several lots, files that came twice."""
    rows = Inspection.objects.filter(product=product).order_by()
    lots = Count("lot", distinct=True)
    without = Count("pk", filter=Q(lot=None))
    parts = rows.exclude(part=None).values("part").annotate(lots=lots, without=without)
    tied = parts.filter(Q(lots__gt=1) | Q(lots=1, without__gt=0)).values("part")
    twice = rows.values("picture_sha256").annotate(n=Count("pk")).filter(n__gt=1)
    return splits.Splitter(
        shares,
        _firsts(rows.filter(part__in=tied), "part_id", lambda keys: keys.serial),
        _firsts(
            rows.filter(picture_sha256__in=twice.values("picture_sha256")),
            "picture_sha256",
            lambda keys: keys.sha256,
        ),
    )


def _firsts(
    rows: QuerySet[Inspection], word: str, named: Callable[[splits.Keys], str]
) -> dict[str, splits.Keys]:
    first = rows.order_by(word, "id").distinct(word).select_related("product", "part", "lot")
    keys = (
        splits.Keys(
            row.product.code,
            row.lot.number if row.lot else "",
            row.serial,
            row.picture_sha256,
        )
        for row in first.iterator()
    )
    return {named(one): one for one in keys}
