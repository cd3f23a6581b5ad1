"""Lots on hold: their parts are, whatever their own verdict. Who lets one go signs for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from qms.accounts.models import User
from qms.accounts.signatures import Proof, sign
from qms.inspections.models import Evaluation, Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.lifecycle import Refused
from qms.plant.actions import move_lot
from qms.plant.models import Lot, LotStatus
from qms.quality.models import Nonconformance, Scope, Status


@dataclass(frozen=True)
class LotCount:
    """Inspections of a lot by the answer that holds; what is not settled yet is told apart."""

    inspected: int = 0
    ok: int = 0
    not_ok: int = 0
    not_decidable: int = 0
    unsettled: int = 0


def counts(lots: Iterable[Lot]) -> dict[int, LotCount]:
    """What was settled alone, so that no count tells what the model thinks of a blind check."""
    settled = Q(status=InspectionStatus.SETTLED)
    rows = (
        Inspection.objects.filter(lot__in=[lot.pk for lot in lots])
        .order_by()
        .values("lot")
        .annotate(
            n=Count("pk"),
            ok=Count("pk", filter=settled & Q(evaluation=Evaluation.OK)),
            bad=Count("pk", filter=settled & Q(evaluation=Evaluation.NOT_OK)),
            unclear=Count("pk", filter=settled & Q(evaluation=Evaluation.NOT_DECIDABLE)),
            open=Count("pk", filter=~settled),
        )
    )
    return {
        row["lot"]: LotCount(row["n"], row["ok"], row["bad"], row["unclear"], row["open"])
        for row in rows
    }


@transaction.atomic
def hold(lot: Lot, *, reason: str, by: User, now: datetime) -> None:
    """Anybody who may pull the cord may hold a lot."""
    move_lot(lot, LotStatus.HELD, reason=reason, by=by, now=now)


@transaction.atomic
def let_go(lot: Lot, to: str, *, proof: Proof, now: datetime) -> None:
    """Release it, or open it again for production, under a signature."""
    if to not in (LotStatus.OPEN, LotStatus.RELEASED):
        raise Refused("Release the lot, or open it again.")
    if doubted := doubts(lot):
        raise Refused(f"{doubted[0]} doubts the whole lot: decide there what is done with it.")
    content = content_of(lot.product.code, lot.number, to, proof.reason)
    signed = sign(proof, record=f"lot {lot.number} of {lot.product}", content=content, now=now)
    move_lot(lot, to, reason=proof.reason, by=proof.person, now=now, signature=signed)


def content_of(product: str, lot: str, status: str, reason: str) -> dict[str, Any]:
    """What is signed, and can be read again from the event."""
    return {"product": product, "lot": lot, "status": status, "reason": reason}


def doubts(lot: Lot) -> list[Nonconformance]:
    """What was raised against the whole lot and is not decided."""
    return list(
        lot.nonconformances.filter(scope=Scope.LOT, status__in=(Status.OPEN, Status.CONTAINED))
    )
