"""What happens to models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.plant.models import Product
from qms.registry.models import ModelVersion, Status


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What the registry is told of a trained artefact."""

    folder: str
    sha256: str
    detector: str
    backbone: str
    promise: str
    scorecard: dict[str, Any]


@transaction.atomic
def enrol(product: Product, artefact: Artefact, *, by: User | None, now: datetime) -> ModelVersion:
    """Enter a trained artefact as a candidate for this product."""
    Product.objects.select_for_update().get(pk=product.pk)
    before = ModelVersion.objects.filter(product=product).order_by("-number").first()
    version = ModelVersion.objects.create(
        product=product,
        number=before.number + 1 if before else 1,
        artefact=artefact.folder,
        sha256=artefact.sha256,
        detector=artefact.detector,
        backbone=artefact.backbone,
        promise=artefact.promise,
        scorecard=artefact.scorecard,
        enrolled_at=now,
        enrolled_by=by,
    )
    event = catalogue.ModelEnrolled(
        model_version_id=version.pk, product=product.code, sha256=artefact.sha256
    )
    outbox.publish(event, now=now, actor=_name(by))
    return version


@transaction.atomic
def promote(version: ModelVersion, *, by: User | None, now: datetime) -> None:
    """Make this version the judge of its product, and retire the one before it."""
    Product.objects.select_for_update().get(pk=version.product_id)
    for incumbent in ModelVersion.objects.filter(product=version.product, status=Status.ACTIVE):
        incumbent.move(Status.RETIRED)
    version.move(Status.ACTIVE, promoted_at=now, promoted_by=_name(by))
    event = catalogue.ModelPromoted(model_version_id=version.pk, product=version.product.code)
    outbox.publish(event, now=now, actor=_name(by))


def _name(by: User | None) -> str:
    return str(by) if by else outbox.SYSTEM
