"""How nonconformances come to be: by a person, or by rule; and what each rests on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections.models import Evaluation, Inspection
from qms.lifecycle import Refused
from qms.partitions import first_key, last_key
from qms.plant.actions import move_lot
from qms.plant.models import DefectType, Lot, LotStatus, Product, Severity, Station
from qms.quality import containment
from qms.quality.models import (
    LIVE,
    Nonconformance,
    NumberSeries,
    Occurrence,
    Scope,
    Standing,
    Status,
)
from qms.quality.rules import SHIFT, in_one_shift, raised_after
from qms.review.models import Review


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a person says was found."""

    product: Product
    scope: str
    title: str
    severity: str = Severity.MAJOR
    description: str = ""
    inspection: Inspection | None = None
    lot: Lot | None = None
    station: Station | None = None
    defect_type: DefectType | None = None
    hold_lot: bool = False

    def check(self) -> None:
        if not self.title.strip():
            raise Refused("Give it a title: what was found, in a few words.")
        if self.scope == Scope.LOT and self.lot is None:
            raise Refused("This part is of no lot: choose the part or the station instead.")
        if self.scope == Scope.STATION and (self.station is None or self.inspection is None):
            raise Refused("This part is of no station: choose the part or the lot instead.")
        if self.scope == Scope.PART and self.inspection is None:
            raise Refused("Raise it from the page of an inspection, so that its part is known.")
        if self.defect_type and self.defect_type.product_id != self.product.pk:
            raise Refused(f"{self.defect_type} is not a defect type of {self.product}.")
        if self.hold_lot and self.lot is None:
            raise Refused("This part is of no lot, so there is none to hold.")


@transaction.atomic
def raise_nonconformance(found: Found, *, by: User, now: datetime) -> Nonconformance:
    """A person pulls the cord; the lot can be put on hold by the same pull."""
    found.check()
    raised = Nonconformance.objects.create(
        number=_next_number(now),
        scope=found.scope,
        product=found.product,
        inspection=found.inspection,
        lot=found.lot,
        station=found.station,
        defect_type=found.defect_type,
        severity=found.severity,
        title=found.title.strip(),
        description=found.description.strip(),
        opened_at=now,
        opened_by=by,
    )
    _announce(raised, now=now, actor=str(by))
    if found.inspection:
        _join(raised, found.inspection.pk, _rejection(found.inspection.pk), now=now, actor=str(by))
    if found.hold_lot and found.lot and found.lot.status != LotStatus.HELD:
        why = f"{raised.number}: {raised.title}"
        move_lot(found.lot, LotStatus.HELD, reason=why, by=by, now=now)
    return raised


@transaction.atomic
def follow(inspection_id: UUID, *, now: datetime) -> None:
    """Bring nonconformances in line with the answer that holds for a part now.

    A confirmed defect joins the live nonconformance of its type at its station or of its lot, or
    opens one where the rule of its type says so; an answer that was taken back leaves. Running
    twice changes nothing.
    """
    rejection = _rejection(inspection_id)
    types = _types_of(rejection)
    # Two of the same type wait for each other here, or they would open two.
    locked = DefectType.objects.select_for_update(no_key=True).filter(pk__in=types).order_by("pk")
    kinds = list(locked)
    for occurrence in _joined(inspection_id):
        _keep_or_leave(occurrence, rejection, types, now=now)
    for kind in kinds:
        if rejection:
            _join_or_open(rejection, kind, now=now)


def _joined(inspection_id: UUID) -> QuerySet[Occurrence]:
    """Of which cases the part is one, these held still: none ends while it is asked whether it lives."""
    cases = Nonconformance.objects.filter(occurrences__inspection=inspection_id)
    list(Nonconformance.objects.select_for_update().filter(pk__in=cases).order_by("pk"))
    joined = Occurrence.objects.select_related("nonconformance").filter(inspection=inspection_id)
    return joined.order_by("nonconformance")


def _rejection(inspection_id: UUID) -> Review | None:
    """The answer that holds, if it says that the part is not OK."""
    held = Review.objects.select_related("inspection", "station")
    return held.filter(inspection=inspection_id, rules=True, decision=Evaluation.NOT_OK).first()


def _types_of(review: Review | None) -> set[int]:
    """The defect types that a person confirmed on this part."""
    if review is None:
        return set()
    marked = review.finding_answers.filter(is_defect=True, defect_type__isnull=False)
    types = set(marked.values_list("defect_type_id", flat=True))
    return {pk for pk in (*types, review.defect_type_id) if pk is not None}


def _keep_or_leave(
    occurrence: Occurrence, rejection: Review | None, types: set[int], *, now: datetime
) -> None:
    """Only what rests on a decision falls with it; what a person saw stands."""
    case = occurrence.nonconformance
    if occurrence.review_id is None or not case.is_live:
        return
    of_type = not case.by_rule or case.defect_type_id in types
    if rejection and of_type:
        _join(case, occurrence.inspection_id, rejection, now=now)
    elif occurrence.status == Standing.STANDS:
        occurrence.move(Standing.TAKEN_BACK, taken_back_at=now)
        event = catalogue.NonconformanceLeft(
            inspection_id=occurrence.inspection_id, nonconformance=case.number
        )
        outbox.publish(event, now=now)


def _join_or_open(rejection: Review, kind: DefectType, *, now: datetime) -> None:
    if live := _live(rejection, kind):
        _join(live, rejection.inspection_id, rejection, now=now)
        return
    after = raised_after(kind.raises_after, kind.severity)
    if after is None or not _confirmed(kind).filter(pk=rejection.pk).exists():
        return
    for scope, confirmed in _neighbours(rejection, kind):
        if len(confirmed) >= after:
            _open_by_rule(scope, confirmed, kind, now=now)
            return


def _live(rejection: Review, kind: DefectType) -> Nonconformance | None:
    """The live one that this part belongs to: of its type, at its station or of its lot.

    It is held still: one that ends at this moment is waited for, and then is none.
    """
    part = rejection.inspection
    same = Q(scope=Scope.PART, inspection=part.pk)
    if part.station_id:
        same |= Q(scope=Scope.STATION, station=part.station_id)
    if part.lot_id:
        same |= Q(scope=Scope.LOT, lot=part.lot_id)
    of_type = Q(same, defect_type=kind) | Q(defect_type=None, occurrences__inspection=part.pk)
    rows = Nonconformance.objects.filter(of_type, product=part.product_id, status__in=LIVE)
    return rows.select_for_update(of=("self",)).order_by("pk").first()


def _neighbours(rejection: Review, kind: DefectType) -> Iterable[tuple[str, list[Review]]]:
    """The confirmed ones of this type in one shift: at the station, of the lot, or this one alone."""
    part = rejection.inspection
    if part.station_id:
        yield Scope.STATION, _in_one_shift(Q(inspection__station=part.station_id), part, kind)
    if part.lot_id:
        yield Scope.LOT, _in_one_shift(Q(inspection__lot=part.lot_id), part, kind)
    if not part.station_id and not part.lot_id:
        yield Scope.PART, [rejection]


def _in_one_shift(place: Q, part: Inspection, kind: DefectType) -> list[Review]:
    around = part.received_at
    shift = Q(
        inspection_id__gt=first_key(around - SHIFT), inspection_id__lt=last_key(around + SHIFT)
    )
    found = _confirmed(kind).filter(place, shift)
    return in_one_shift([(review.inspection.received_at, review) for review in found], around)


def _confirmed(kind: DefectType) -> QuerySet[Review]:
    """Answers that hold and name this type, each once, and of which no case was made before.

    A case that ended has had its say about the parts that it rests on.
    """
    known = Occurrence.objects.filter(nonconformance__defect_type=kind, status=Standing.STANDS)
    marked = Q(finding_answers__is_defect=True, finding_answers__defect_type=kind)
    holding = Review.objects.filter(rules=True, decision=Evaluation.NOT_OK, product=kind.product_id)
    named = holding.filter(Q(defect_type=kind) | marked)
    fresh = named.exclude(Exists(known.filter(inspection=OuterRef("inspection"))))
    return fresh.select_related("inspection__station", "inspection__lot").distinct()


def _open_by_rule(
    scope: str, confirmed: list[Review], kind: DefectType, *, now: datetime
) -> Nonconformance:
    first = confirmed[0].inspection
    where = {
        Scope.STATION: f"at station {first.station}",
        Scope.LOT: f"in lot {first.lot}",
        Scope.PART: f"on {first.serial or 'a part without a serial'}",
    }[Scope(scope)]
    raised = Nonconformance.objects.create(
        number=_next_number(now),
        scope=scope,
        product_id=first.product_id,
        inspection=first,
        lot=first.lot,
        station=first.station,
        defect_type=kind,
        severity=kind.severity,
        title=f"{kind} {where}",
        description=_why(kind, len(confirmed), where),
        by_rule=True,
        opened_at=now,
    )
    _announce(raised, now=now, actor=outbox.SYSTEM)
    for review in confirmed:
        _join(raised, review.inspection_id, review, now=now)
    return raised


def _why(kind: DefectType, count: int, where: str) -> str:
    if kind.raises_after is None:
        return f"{kind} is critical: one confirmed part opens a nonconformance."
    hours = int(SHIFT.total_seconds() // 3600)
    return (
        f"{count} confirmed {where} within {hours} hours; "
        f"{kind} opens a nonconformance after {kind.raises_after}."
    )


def _join(
    case: Nonconformance,
    inspection_id: UUID,
    review: Review | None,
    *,
    now: datetime,
    actor: str = outbox.SYSTEM,
) -> None:
    """The part is one of those that the case rests on; a list that was frozen grows by it."""
    occurrence, is_new = Occurrence.objects.get_or_create(
        nonconformance=case,
        inspection_id=inspection_id,
        defaults={"review": review, "joined_at": now},
    )
    if not is_new and occurrence.status == Standing.STANDS:
        return
    if not is_new:
        occurrence.move(Standing.STANDS, review=review, taken_back_at=None)
    event = catalogue.NonconformanceJoined(inspection_id=inspection_id, nonconformance=case.number)
    outbox.publish(event, now=now, actor=actor)
    _list(case, inspection_id, now=now)


def _list(case: Nonconformance, inspection_id: UUID, *, now: datetime) -> None:
    """Of a contained case: nothing was decided about this part yet, whatever was about the others."""
    held = Nonconformance.objects.select_for_update().get(pk=case.pk)
    if held.status not in (Status.CONTAINED, Status.DISPOSITIONED):
        return
    part = Inspection.objects.filter(pk=inspection_id)
    listed = held.lines.filter(inspection=inspection_id).exists()
    if listed or not containment.freeze(held, part, now=now):
        return
    reopen_list(held, parts=1, reason="another bad part was found", now=now)


def reopen_list(
    case: Nonconformance, *, parts: int, reason: str, now: datetime, actor: str = outbox.SYSTEM
) -> None:
    """Parts came on the list of which nothing is decided."""
    if case.status == Status.DISPOSITIONED:
        case.move(Status.CONTAINED, dispositioned_at=None, dispositioned_by=None)
    event = catalogue.NonconformanceMoved(
        nonconformance=case.number, status=case.status, parts=parts, reason=reason
    )
    outbox.publish(event, now=now, actor=actor)


def _announce(raised: Nonconformance, *, now: datetime, actor: str) -> None:
    event = catalogue.NonconformanceRaised(
        nonconformance=raised.number,
        product=raised.product.code,
        scope=raised.scope,
        severity=raised.severity,
        title=raised.title,
        by_rule=raised.by_rule,
    )
    outbox.publish(event, now=now, actor=actor)


def _next_number(now: datetime) -> str:
    """NCR-2026-0001: the series is held to the end of the transaction, so none is skipped."""
    year = timezone.localtime(now).year
    NumberSeries.objects.get_or_create(year=year)
    series = NumberSeries.objects.select_for_update().get(year=year)
    series.last += 1
    series.save(update_fields=["last"])
    return f"NCR-{year}-{series.last:04d}"
