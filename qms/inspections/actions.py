"""What happens to inspections."""

from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from qms import storage
from qms.events import catalogue, outbox
from qms.inspections import judge
from qms.inspections.models import (
    Evaluation,
    Finding,
    Inspection,
    Status,
    SubmissionKey,
    Verdict,
)
from qms.inspections.submission import BadWords, Submission
from qms.lifecycle import Refused
from qms.partitions import key_at
from qms.plant.actions import move_station
from qms.plant.models import DefectType, Lot, Part, Station, StationStatus
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion

__all__ = ["BadWords", "OtherSubmission", "StationClosed", "Submission", "submit"]

_SUFFIX = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif"}


class OtherSubmission(Refused):
    """The sender's id was used before, for something else."""


class StationClosed(Refused):
    """The station is paused or draining."""


def submit(submission: Submission, *, now: datetime, actor: str) -> tuple[Inspection, bool]:
    """Take in a picture: on stable storage first, then its rows. True: it is a new one.

    The same ``external_id`` from the same station answers with the same inspection, and raises
    OtherSubmission if anything else differs. Raises BadWords, BadPicture, NoActiveModel,
    StationClosed.
    """
    submission.check(now=now)
    if known := _known(submission):
        return known, False
    _check_open(submission.station)
    facts = judge.check(submission.picture)
    ModelVersion.active_for(submission.product)
    key = key_at(now, uuid4())  # the key's time is that of the arrival, so filters find the slice
    picture_key = f"pictures/{now:%Y/%m/%d}/{key}.{_SUFFIX[facts.format]}"
    storage.keep(picture_key, submission.picture)
    try:
        return _enter(submission, key, picture_key, facts, now=now, actor=actor), True
    except IntegrityError:
        # Two of the same id at once: the other one was first. Any other failure leaves the file,
        # for who knows whether the commit reached the disk; the hourly round drops orphans.
        storage.drop(picture_key)
        if known := _known(submission):
            return known, False
        raise


def _known(submission: Submission) -> Inspection | None:
    if not submission.external_id:
        return None
    keys = SubmissionKey.objects.filter(scope=submission.scope, external_id=submission.external_id)
    known = keys.select_related("inspection").first()
    if known and known.fingerprint not in submission.fingerprints:
        raise OtherSubmission(
            f"external_id {submission.external_id!r} was used before for another picture, "
            f"product, serial, lot or station (inspection {known.inspection_id}): "
            "give each submission an id of its own."
        )
    return known.inspection if known else None


def _check_open(station: Station | None) -> None:
    """By what it is now: who watches a folder has held the row for weeks."""
    if station is None:
        return
    station.refresh_from_db(fields=["status"])
    if station.status != StationStatus.RUNNING:
        raise StationClosed(
            f"Station {station} is {station.get_status_display().lower()} and takes no pictures: "
            "set it running, or send from another one."
        )


@transaction.atomic
def _enter(
    submission: Submission,
    key: UUID,
    picture_key: str,
    facts: judge.PictureFacts,
    *,
    now: datetime,
    actor: str,
) -> Inspection:
    inspection = Inspection.objects.create(
        id=key,
        product=submission.product,
        part=_part(submission),
        lot=_lot(submission),
        station=submission.station,
        external_id=submission.external_id,
        source=submission.source,
        is_simulated=submission.is_simulated,
        picture_key=picture_key,
        picture_sha256=submission.sha256,
        picture_name=submission.name[:255],
        width=facts.width,
        height=facts.height,
        captured_at=submission.captured_at or now,
        received_at=now,
    )
    if submission.external_id:
        SubmissionKey.objects.create(
            scope=submission.scope,
            external_id=submission.external_id,
            inspection=inspection,
            fingerprint=submission.fingerprint,
        )
    event = catalogue.InspectionSubmitted(
        inspection_id=inspection.pk,
        picture_sha256=submission.sha256,
        fingerprint=submission.fingerprint,
    )
    outbox.publish(event, now=now, actor=actor)
    return inspection


def _part(submission: Submission) -> Part | None:
    if not submission.serial:
        return None
    return Part.objects.get_or_create(product=submission.product, serial=submission.serial)[0]


def _lot(submission: Submission) -> Lot | None:
    if not submission.lot:
        return None
    return Lot.objects.get_or_create(product=submission.product, number=submission.lot)[0]


@transaction.atomic(savepoint=False)
def record_verdict(
    inspection: Inspection,
    judgement: judge.Judgement,
    *,
    by: ModelVersion,
    recipe: Recipe | None,
    heatmap_key: str,
    now: datetime,
) -> Verdict:
    """Write what the model said, once: a second call for the same model finds the first.

    Of two at the same moment the primary key refuses the later one, which then finds the first
    when it is tried again.
    """
    key = Verdict.key_of(inspection.pk, by.pk)
    if known := Verdict.objects.filter(pk=key).first():
        return known
    verdict = Verdict.objects.create(
        id=key,
        inspection=inspection,
        model_version=by,
        recipe=recipe,
        evaluation=judgement.evaluation.upper(),
        score=judgement.score,
        probability=judgement.probability,
        threshold_ok=judgement.threshold_ok,
        threshold_not_ok=judgement.threshold_not_ok,
        heatmap_key=heatmap_key,
        description=judgement.description,
        answers=[{"question": a.question, "answer": a.answer} for a in judgement.answers],
        timings_ms={k: round(v, 3) for k, v in judgement.timings_ms.items()},
        width=judgement.width,
        height=judgement.height,
        judged_at=now,
    )
    if judgement.regions:
        Finding.objects.bulk_create(_findings(verdict, judgement, recipe))
    _judged(inspection, verdict, now=now)
    return verdict


def _judged(inspection: Inspection, verdict: Verdict, *, now: datetime) -> None:
    if inspection.status in (Status.SUBMITTED, Status.FAILED):
        inspection.move(Status.JUDGED, evaluation=verdict.evaluation, score=verdict.score, error="")
    event = catalogue.InspectionJudged(
        inspection_id=inspection.pk, verdict_id=verdict.pk, evaluation=verdict.evaluation
    )
    outbox.publish(event, now=now, actor=str(verdict.model_version))


def _findings(verdict: Verdict, judgement: judge.Judgement, recipe: Recipe | None) -> list[Finding]:
    types = {t.code: t for t in DefectType.objects.filter(product=verdict.inspection.product)}
    scale = recipe.mm_per_px if recipe else None
    findings = []
    for number, region in enumerate(judgement.regions, start=1):
        x, y, width, height = region.bbox
        likely = region.candidates[0].code if region.candidates else ""
        findings.append(
            Finding(
                id=Finding.key_of(verdict.pk, number),
                verdict=verdict,
                number=number,
                defect_type=types.get(likely),
                candidates=[
                    {"code": c.code, "probability": c.probability} for c in region.candidates
                ],
                score=region.score,
                x=x,
                y=y,
                width=width,
                height=height,
                contour=region.contour,
                counts=region.counts,
                area_px=region.area_px,
                area_mm2=region.area_px * scale**2 if scale else None,
                contrast=region.contrast,
                elongation=region.elongation,
                cell=region.cell,
            )
        )
    return findings


@transaction.atomic
def fail(inspection: Inspection, *, error: str, now: datetime) -> None:
    """Say on the inspection that its judging stands among the dead letters."""
    if inspection.status == Status.SUBMITTED:
        inspection.move(Status.FAILED, error=error)
        event = catalogue.InspectionFailed(inspection_id=inspection.pk, error=error)
        outbox.publish(event, now=now)


@transaction.atomic(savepoint=False)
def hold_for_review(inspection: Inspection, *, evaluation: str) -> None:
    """A person is to look: until then the model's evaluation holds."""
    inspection.move(Status.IN_REVIEW, evaluation=Evaluation(evaluation), settled_at=None)


@transaction.atomic(savepoint=False)
def settle(inspection: Inspection, *, evaluation: str, now: datetime, actor: str) -> None:
    """This is the answer."""
    inspection.move(Status.SETTLED, evaluation=Evaluation(evaluation), settled_at=now)
    event = catalogue.InspectionSettled(inspection_id=inspection.pk, evaluation=evaluation)
    outbox.publish(event, now=now, actor=actor)


def pause_drained(*, now: datetime) -> int:
    """Pause the draining stations of which nothing is unsettled any more. Returns how many."""
    unsettled = Inspection.objects.exclude(status__in=(Status.SETTLED, Status.FAILED))
    busy = unsettled.filter(station=OuterRef("pk"))
    drained = Station.objects.filter(status=StationStatus.DRAINING).exclude(Exists(busy))
    stations = list(drained)
    for station in stations:
        move_station(station, StationStatus.PAUSED, by=outbox.SYSTEM, now=now)
    return len(stations)


def drop_orphans(*, day: datetime) -> int:
    """Drop the files of one past day that belong to no inspection. Returns how many."""
    folder = f"pictures/{day:%Y/%m/%d}"
    owners = {name: _owner(name) for name in storage.names(folder)}
    ids = {owner for owner in owners.values() if owner}
    known = set(Inspection.objects.filter(pk__in=ids).values_list("pk", flat=True))
    orphans = [name for name, owner in owners.items() if owner and owner not in known]
    for name in orphans:
        storage.drop(f"{folder}/{name}")
    return len(orphans)


def _owner(name: str) -> UUID | None:
    """The inspection that a file was written for; None if the name is none of ours."""
    try:
        return UUID(name.split(".", 1)[0])
    except ValueError:
        return None
