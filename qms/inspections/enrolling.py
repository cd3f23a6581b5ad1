"""What happens to enrolments: pictures come and go, a fit begins and ends, a model is activated."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from qms import storage
from qms.accounts import signatures
from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections import judge
from qms.inspections.enrolments import Enrolment, EnrolmentPicture, Phase, Stage
from qms.lifecycle import Refused
from qms.partitions import first_key, key_at
from qms.plant import actions as plant
from qms.plant.models import DefectType, Product
from qms.registry import actions as registry
from qms.registry.models import ModelVersion
from qms.registry.models import Status as ModelStatus

MOST_PICTURES = 5000
_LATE = timedelta(days=1)
_SUFFIX = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a product is to be learnt."""

    detector: str = "memory"
    backbone: str = "builtin"
    size: int = 256
    promise_rate: float | None = None
    defect_types: list[str] = field(default_factory=list)  # codes; those it has already stay


# --- pictures ---


def add_picture(
    product: Product, data: bytes, *, name: str, by: User, now: datetime
) -> tuple[EnrolmentPicture, bool]:
    """Take in a picture of a good part. False: it was there already, and counts once.

    BadPicture says what is wrong with the file.
    """
    facts = judge.check(data)
    enrolment = _begun(product, by=by, now=now)
    picture = EnrolmentPicture(
        enrolment=enrolment,
        key=f"enrolments/{enrolment.pk}/{key_at(now, uuid4())}.{_SUFFIX[facts.format]}",
        sha256=hashlib.sha256(data).hexdigest(),
        name=name.replace("\0", "")[-255:],
        width=facts.width,
        height=facts.height,
        added_at=now,
        added_by=by,
    )
    if known := enrolment.pictures.filter(sha256=picture.sha256).first():
        return known, False
    _check_room(enrolment)
    storage.keep(picture.key, data)
    return _entered(picture)


def _entered(picture: EnrolmentPicture) -> tuple[EnrolmentPicture, bool]:
    """Its row, beside a file that is already safe."""
    try:
        _enter(picture)
    except Refused:  # a fit has begun meanwhile
        storage.drop(picture.key)
        raise
    except IntegrityError:  # the same picture twice at once: the other one was first
        storage.drop(picture.key)
        return picture.enrolment.pictures.get(sha256=picture.sha256), False
    return picture, True


def _begun(product: Product, *, by: User, now: datetime) -> Enrolment:
    """The enrolment that is under way; the first picture begins one."""
    if found := Enrolment.open_of(product):
        return found
    try:
        with transaction.atomic():
            return Enrolment.objects.create(product=product, begun_at=now, begun_by=by)
    except IntegrityError:  # two first pictures at once
        return Enrolment.objects.exclude(status=Phase.ACTIVATED).get(product=product)


def _check_room(enrolment: Enrolment) -> None:
    _check_open(enrolment)
    if enrolment.pictures.count() >= MOST_PICTURES:
        raise Refused(f"{MOST_PICTURES:,} pictures are enough: remove some before adding others.")


@transaction.atomic
def _enter(picture: EnrolmentPicture) -> None:
    _check_open(_held(picture.enrolment))
    picture.save()


@transaction.atomic
def remove_pictures(enrolment: Enrolment, pictures: Sequence[int]) -> int:
    """Take these out again. Returns how many were there."""
    _check_open(_held(enrolment))
    rows = list(enrolment.pictures.filter(pk__in=pictures))
    enrolment.pictures.filter(pk__in=[row.pk for row in rows]).delete()
    _drop_afterwards(rows)
    return len(rows)


@transaction.atomic
def start_over(enrolment: Enrolment) -> None:
    """Take out all pictures. A candidate that was fitted stays in the registry."""
    held = _held(enrolment)
    _check_open(held)
    rows = list(held.pictures.all())
    held.pictures.all().delete()
    if held.status != Phase.COLLECTING:
        held.move(Phase.COLLECTING, candidate=None, message="", calibration=[], fitted_on="")
    _drop_afterwards(rows)


def _drop_afterwards(rows: Sequence[EnrolmentPicture]) -> None:
    keys = [row.key for row in rows]

    def drop() -> None:
        for key in keys:
            storage.drop(key)

    transaction.on_commit(drop, robust=True)


def drop_orphans(*, now: datetime) -> int:
    """Drop the files that were stored a day ago or more and never got their row. Returns how many."""
    old, dropped = first_key(now - _LATE), 0
    for enrolment in Enrolment.objects.exclude(status=Phase.ACTIVATED):
        folder = f"enrolments/{enrolment.pk}"
        known = set(enrolment.pictures.values_list("key", flat=True))
        for key in (f"{folder}/{name}" for name in storage.names(folder)):
            if key not in known and UUID(PurePosixPath(key).stem) < old:
                storage.drop(key)
                dropped += 1
    return dropped


def _held(enrolment: Enrolment) -> Enrolment:
    return Enrolment.objects.select_for_update().get(pk=enrolment.pk)


def _check_open(enrolment: Enrolment) -> None:
    if enrolment.status == Phase.FITTING:
        raise Refused(
            f"{enrolment.product} is being fitted on the pictures that are there: "
            "wait until it is done, or cancel the fit first."
        )
    if enrolment.status == Phase.ACTIVATED:
        raise Refused("This enrolment is finished: load the page again to begin another one.")


# --- the fit ---


@transaction.atomic
def begin_fit(enrolment: Enrolment, plan: Plan, *, by: User, now: datetime) -> None:
    """Ask a worker to fit a detector on the pictures that are there."""
    held = _held(enrolment)
    _check_open(held)
    count = held.pictures.count()
    if count < judge.LEAST_NORMALS:
        raise Refused(
            f"{count} picture{'' if count == 1 else 's'} cannot show what is normal: "
            f"add {judge.LEAST_NORMALS - count} more of good parts, then fit."
        )
    _ensure_types(held.product, plan.defect_types, now=now)
    held.move(
        Phase.FITTING,
        detector=plan.detector,
        backbone=plan.backbone,
        size=plan.size,
        promise_rate=plan.promise_rate,
        run=held.run + 1,
        fit_at=now,
        fit_by=by,
        stage=Stage.WAITING,
        done=0,
        total=0,
        progress_at=None,
        message="",
    )
    event = catalogue.FitBegun(
        enrolment_id=held.pk,
        product=held.product.code,
        run=held.run,
        pictures=count,
        digest=held.pictures_digest,
    )
    outbox.publish(event, now=now, actor=str(by))


def _ensure_types(product: Product, codes: list[str], *, now: datetime) -> None:
    """Those it has come first, so that a new one gets a colour and a shape of its own."""
    present = list(DefectType.objects.filter(product=product).values_list("code", flat=True))
    wanted = [*present, *(code for code in codes if code not in present)]
    try:
        plant.ensure_product(product.code, defect_types=wanted, now=now)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error


@transaction.atomic
def cancel_fit(enrolment: Enrolment, *, by: User, now: datetime) -> None:
    """The worker notices at its next word. The pictures stay."""
    held = _held(enrolment)
    if held.status != Phase.FITTING:
        raise Refused("No fit is under way: there is nothing to cancel.")
    held.move(Phase.CANCELLED, message=f"{by} cancelled the fit.")
    event = catalogue.FitCancelled(enrolment_id=held.pk, product=held.product.code, run=held.run)
    outbox.publish(event, now=now, actor=str(by))


def note_progress(
    enrolment_id: int, run: int, *, stage: str, done: int, total: int, now: datetime
) -> bool:
    """Where this fit is. False: nobody waits for it any more. A plain UPDATE, no event."""
    wanted = Enrolment.objects.filter(pk=enrolment_id, run=run, status=Phase.FITTING)
    rows = wanted.update(stage=stage, done=done, total=total, progress_at=now)
    return rows == 1


@transaction.atomic(savepoint=False)
def finish_fit(enrolment_id: int, run: int, fitted: judge.Fitted, *, now: datetime) -> None:
    """Enter the candidate. What nobody waits for any more is not heard."""
    held = _awaited(enrolment_id, run)
    if held is None:
        return
    pictures = list(held.pictures.order_by("id"))
    scores: list[float | None] = [*fitted.scores] or [None] * len(pictures)
    for picture, score in zip(pictures, scores, strict=True):
        picture.score = score
    EnrolmentPicture.objects.bulk_update(pictures, ["score"], batch_size=500)
    held.move(
        Phase.READY,
        candidate=_candidate(held, fitted, now=now),
        fitted_on=held.pictures_digest,
        fitted_at=now,
        fit_seconds=fitted.seconds,
        threshold_ok=fitted.threshold_ok,
        threshold_not_ok=fitted.threshold_not_ok,
        calibration=fitted.calibration,
        message="",
    )


def _candidate(enrolment: Enrolment, fitted: judge.Fitted, *, now: datetime) -> ModelVersion:
    """The same pictures, fitted the same way again, are the same candidate."""
    rows = ModelVersion.objects.filter(product=enrolment.product, status=ModelStatus.CANDIDATE)
    known = rows.filter(sha256=fitted.artefact.sha256).order_by("-number").first()
    return known or registry.enrol(enrolment.product, fitted.artefact, by=enrolment.fit_by, now=now)


@transaction.atomic(savepoint=False)
def fail_fit(enrolment_id: int, run: int, *, error: str, now: datetime) -> None:
    """Say what to do. The pictures stay."""
    held = _awaited(enrolment_id, run)
    if held is None:
        return
    held.move(Phase.FAILED, message=error)
    event = catalogue.FitFailed(
        enrolment_id=held.pk, product=held.product.code, run=run, error=error
    )
    outbox.publish(event, now=now)


def _awaited(enrolment_id: int, run: int) -> Enrolment | None:
    rows = Enrolment.objects.select_for_update(of=("self",)).select_related("product", "fit_by")
    return rows.filter(pk=enrolment_id, run=run, status=Phase.FITTING).first()


# --- the end ---


@transaction.atomic
def activate(
    enrolment: Enrolment, *, seen: int, proof: signatures.Proof, now: datetime
) -> ModelVersion:
    """Make the candidate that the person saw the judge of its product, under a signature."""
    held = _held(enrolment)
    version = held.candidate
    if held.status != Phase.READY or version is None or version.pk != seen:
        raise Refused("What you saw is no longer what would be activated: look at it again.")
    if held.is_stale:
        raise Refused(
            "Pictures were added or removed since this fit: fit again, then activate what came of it."
        )
    record, content = str(version), content_of(held, version)
    signature = signatures.sign(proof, record=record, content=content, now=now)
    registry.promote(version, by=proof.person, now=now)
    held.move(Phase.ACTIVATED, activated_at=now, signature=signature)
    return version


def content_of(enrolment: Enrolment, version: ModelVersion) -> dict[str, Any]:
    """What is signed, and can be read again from the rows."""
    return {
        "product": enrolment.product.code,
        "model": version.number,
        "artefact": version.sha256,
        "promise": version.promise,
        "threshold_ok": enrolment.threshold_ok,
        "threshold_not_ok": enrolment.threshold_not_ok,
        "pictures": enrolment.fitted_on,
    }
