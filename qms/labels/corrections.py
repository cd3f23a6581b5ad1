"""What people said of pictures: kept whole as facts, and what they said last."""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from rapidfuzz.distance import Levenshtein

from labeling import words
from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections.judge import counts_of
from qms.inspections.models import Finding, Inspection, Verdict
from qms.labels.models import Annotation, LabelledRegion, LabelTask, Origin, QAPair, Source
from qms.plant.models import DefectType

_OF_A_FINDING = re.compile(r"f(\d{1,5})\Z")  # a region's key, where it is the model's
_UNNAMED = "someone"


# Of an annotation that was changed in Label Studio each version is a row.
SAID_AT = Coalesce("studio_updated_at", "made_at")


def latest_of(inspection: Inspection) -> Annotation | None:
    """What people last said of it; None: nothing, or they only skipped it."""
    return standing(Annotation.objects.filter(inspection=inspection)).last()


def standing(rows: QuerySet[Annotation]) -> QuerySet[Annotation]:
    """Those that a person still stands by, oldest first: no skips, no versions changed since."""
    later = Annotation.objects.filter(
        label_task=OuterRef("label_task"),
        studio_id=OuterRef("studio_id"),
        studio_updated_at__gt=OuterRef("studio_updated_at"),
    )
    return rows.filter(~Exists(later), skipped=False).order_by(SAID_AT, "pk")


def key_of(finding_number: int) -> str:
    """The key of a region that the model found."""
    return f"f{finding_number}"


def number_of(key: str) -> int | None:
    """The finding's number; None of a region that a person drew."""
    found = _OF_A_FINDING.match(key)
    return int(found.group(1)) if found else None


def keep(
    said: words.Labelled,
    inspection: Inspection,
    *,
    verdict: Verdict | None,
    task: LabelTask | None,
    person: str,
    now: datetime,
) -> Annotation:
    """Write it down as facts. ``task`` is None for what was imported from a file.

    ``verdict`` is the model's word that lay before the person, ``person`` a name or an e-mail
    address. Belongs in a transaction.
    """
    annotation = Annotation.objects.create(
        inspection=inspection,
        label_task=task,
        source=Source.STUDIO if task else Source.IMPORT,
        studio_id=said.studio_id if task else None,
        studio_updated_at=said.updated_at if task else None,
        person=_person(person),
        person_name=person or _UNNAMED,
        made_at=said.made_at,
        received_at=now,
        seconds=said.seconds,
        skipped=said.skipped,
        skip_reason=said.skip_reason,
        evaluation="" if said.skipped else said.evaluation,
        evaluation_origin=Origin(said.evaluation_origin),
        description=said.description,
        description_origin=Origin(said.description_origin),
        deleted=sorted(number for key in said.deleted if (number := number_of(key)) is not None),
    )
    LabelledRegion.objects.bulk_create(_regions(annotation, said, verdict))
    QAPair.objects.bulk_create(_answers(annotation, said))
    tell(annotation, now=now)
    return annotation


def _person(name: str) -> User | None:
    """Who has this e-mail address or this name here; Label Studio knows nobody of ours."""
    if not name:
        return None
    known = User.objects.filter(Q(email__iexact=name) | Q(username__iexact=name))
    return known.order_by("pk").first()


def _regions(
    annotation: Annotation, said: words.Labelled, verdict: Verdict | None
) -> list[LabelledRegion]:
    types = DefectType.objects.filter(product=annotation.inspection.product_id)
    by_code = {one.code: one for one in types}
    rows = Finding.objects.filter(verdict=verdict).only("number") if verdict else []
    findings = {one.number: one for one in rows}
    return [
        LabelledRegion(
            annotation=annotation,
            number=number,
            finding=findings.get(number_of(region.key) or 0),
            defect_type=by_code.get(region.label or ""),
            severity=region.severity or "",
            confidence=region.confidence,
            note=region.note,
            origin=Origin(region.origin),
            counts=counts_of(region.mask),
            area_px=int(region.mask.sum()),
            **_box(region.mask),
        )
        for number, region in enumerate(said.regions, start=1)
    ]


def _box(mask: words.Mask) -> dict[str, int]:
    """The least upright box around it; of an empty mask, nothing at the corner."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return {"x": 0, "y": 0, "width": 0, "height": 0}
    x, y = int(columns[0]), int(rows[0])
    return {"x": x, "y": y, "width": int(columns[-1]) - x + 1, "height": int(rows[-1]) - y + 1}


def _answers(annotation: Annotation, said: words.Labelled) -> list[QAPair]:
    asked = [
        QAPair(
            annotation=annotation,
            slot=one.slot,
            question=one.question,
            predicted=one.predicted or "",
            corrected=one.text,
            origin=Origin(one.origin),
            edit_distance=_distance(one.predicted, one.text),
        )
        for one in said.answers
    ]
    own = [
        QAPair(annotation=annotation, question=question, corrected=text, origin=Origin.MANUAL)
        for question, text in said.added
    ]
    return asked + own


def _distance(predicted: str | None, corrected: str) -> int | None:
    return None if predicted is None else int(Levenshtein.distance(predicted, corrected))


def tell(annotation: Annotation, *, now: datetime) -> None:
    """Once all of it is written: the event holds a digest of the whole."""
    event = catalogue.AnnotationReceived(
        inspection_id=annotation.inspection_id,
        annotation_id=annotation.pk,
        label_task_id=annotation.label_task_id,
        evaluation=annotation.evaluation,
        skipped=annotation.skipped,
        digest=digest_of(annotation),
    )
    outbox.publish(event, now=now, actor=annotation.person_name)


def digest_of(annotation: Annotation) -> str:
    """SHA-256 of all that the person said, masks and answers too."""
    said: dict[str, Any] = {
        name: getattr(annotation, name)
        for name in ("person_name", "skipped", "skip_reason", "evaluation", "description")
    }
    said["deleted"] = annotation.deleted
    said["regions"] = list(
        annotation.regions.order_by("number").values_list(
            "number", "defect_type__code", "severity", "confidence", "note", "origin", "counts"
        )
    )
    said["answers"] = list(
        annotation.answers.order_by("pk").values_list("slot", "question", "corrected", "origin")
    )
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
