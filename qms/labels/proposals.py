"""What the model said of a picture, laid before an annotator."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from labeling.studio import LocalStorage, S3Storage
from labeling.words import Proposal, ProposedRegion, Schema
from qms import storage
from qms.inspections.judge import mask_of
from qms.inspections.models import Finding, Inspection, Verdict
from qms.labels.corrections import key_of
from qms.labels.models import LabelTask

_FOLDER = "pictures"


def proposal(task: LabelTask, schema: Schema, *, shown_as: str) -> Proposal:
    """``shown_as`` is the model version under which Label Studio is to show it."""
    inspection, verdict = task.inspection, task.verdict
    return Proposal(
        inspection_id=str(inspection.pk),
        title=_title(inspection),
        link=f"{settings.PUBLIC_URL.rstrip('/')}{reverse('inspection', args=[inspection.pk])}",
        image=address(inspection),
        width=verdict.width,
        height=verdict.height,
        model_version=shown_as,
        urgency=task.urgency,
        evaluation=verdict.evaluation,
        description=verdict.description,
        regions=_regions(verdict, schema),
        answers=_answers(verdict, schema),
    )


def proposed(laid: Proposal) -> dict[str, Any]:
    """What is kept of it, to tell later what the person changed and removed."""
    return {
        "regions": {region.key: region.label for region in laid.regions},
        "answers": dict(laid.answers),
        "description": laid.description,
        "evaluation": laid.evaluation,
    }


def address(inspection: Inspection) -> str:
    """The upright picture, as Label Studio is to find it in the storage of its project."""
    key = inspection.upright_key
    if not storage.exists(key):  # of a plain PNG no second file was written
        key = inspection.picture_key
    if settings.STUDIO_FILES == "s3":
        return f"s3://{_bucket()['bucket_name']}/{key}"
    return f"/data/local-files/?d={quote(key)}"


def picture_storage() -> LocalStorage | S3Storage:
    """Where the pictures of a project lie, in Label Studio's words."""
    if settings.STUDIO_FILES != "s3":
        return LocalStorage(folder=settings.STUDIO_PICTURES or f"{settings.MEDIA_ROOT}/{_FOLDER}")
    options = _bucket()
    return S3Storage(
        bucket=options["bucket_name"],
        prefix=_FOLDER,
        endpoint=options["endpoint_url"] or "",
        region=options["region_name"] or "",
        access_key=options["access_key"] or "",
        secret_key=options["secret_key"] or "",
    )


def _bucket() -> dict[str, Any]:
    pictures: Any = settings.STORAGES["default"]
    options: dict[str, Any] = pictures["OPTIONS"]
    return options


def _title(inspection: Inspection) -> str:
    place = inspection.station.code if inspection.station else ""
    what = [inspection.product.code, inspection.serial, place]
    return " · ".join(word for word in [*what, f"{inspection.received_at:%Y-%m-%d %H:%M}"] if word)


def _regions(verdict: Verdict, schema: Schema) -> list[ProposedRegion]:
    """A type that annotators are no longer offered becomes one without a name."""
    offered = {label.code for label in schema.labels}
    shape = (verdict.height, verdict.width)
    rows = Finding.objects.filter(verdict=verdict).select_related("defect_type").defer("contour")
    regions = []
    for finding in rows.order_by("number"):
        kind = finding.defect_type
        known = kind is not None and kind.code in offered
        regions.append(
            ProposedRegion(
                key=key_of(finding.number),
                label=kind.code if kind and known else None,
                severity=kind.severity if kind and known else None,
                score=finding.score,
                mask=mask_of(finding.counts, shape),
            )
        )
    return regions


def _answers(verdict: Verdict, schema: Schema) -> dict[str, str]:
    said = {one["question"]: one["answer"] for one in verdict.answers}
    return {one.slot: said[one.text] for one in schema.questions if one.text in said}
