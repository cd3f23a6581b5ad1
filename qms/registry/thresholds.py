"""Thresholds of a model's scores, published under a signature.

The rows are recipes of the room below; that they are of the model that judges is known here.
"""

import math
from datetime import datetime
from typing import Any

from django.db import transaction

from qms.accounts.signatures import Proof, sign
from qms.lifecycle import Refused
from qms.plant.actions import publish_recipe
from qms.plant.models import Product, Station
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion


@transaction.atomic
def publish_thresholds(
    product: Product,
    *,
    station: Station | None,
    ok: float,
    not_ok: float,
    artefact: str,
    instead_of: int | None,
    proof: Proof,
    now: datetime,
) -> Recipe:
    """A new version of the recipe: OK below ``ok``, not OK from ``not_ok`` on.

    ``artefact`` is the model whose scores were looked at, ``instead_of`` the number of the recipe
    that was in force then: refused if either is another one by now.
    """
    _check_order(ok, not_ok)
    # Nobody promotes or publishes meanwhile.
    Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    _check_model(product, artefact)
    latest = Recipe.objects.filter(product=product).order_by("-number").first()
    number = latest.number + 1 if latest else 1
    content = content_of(product, station, ok, not_ok, artefact)
    signature = sign(proof, record=f"{product} recipe {number}", content=content, now=now)
    return publish_recipe(
        product,
        by=proof.person,
        now=now,
        reason=proof.reason,
        station=station,
        seen=instead_of,
        signature=signature,
        threshold_ok=ok,
        threshold_not_ok=not_ok,
        threshold_artefact=artefact,
    )


def content_of(
    product: Product,
    station: Station | None,
    ok: float | None,
    not_ok: float | None,
    artefact: str,
) -> dict[str, Any]:
    """What is signed, and can be read again from the recipe."""
    return {
        "product": product.code,
        "station": station.code if station else "",
        "threshold_ok": ok,
        "threshold_not_ok": not_ok,
        "threshold_artefact": artefact,
    }


def _check_order(ok: float, not_ok: float) -> None:
    if not (math.isfinite(ok) and math.isfinite(not_ok) and 0 <= ok <= not_ok):
        raise Refused(
            "Thresholds are numbers from 0 on, and the one for OK is not above the one for not OK."
        )


def _check_model(product: Product, artefact: str) -> None:
    active = ModelVersion.active_for(product)
    if active.sha256 != artefact:
        raise Refused(
            f"{active} judges by now: thresholds of another model's scores do not fit it. "
            "Look at its own scores first."
        )
