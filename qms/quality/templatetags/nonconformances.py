"""Pieces of this room for any page: states, severities, what an inspection belongs to."""

from collections.abc import Collection
from typing import Any

from django import template
from django.db.models import Q
from django.utils import timezone

from qms.inspections.models import Inspection
from qms.plant.models import LotStatus, Severity
from qms.quality.models import CorrectiveAction, Nonconformance, Occurrence, Status
from qms.quality.rules import RAISERS, is_overdue

register = template.Library()

_STATES = {
    Status.OPEN: ("not-ok", "flag"),
    Status.CONTAINED: ("not-decidable", "hold"),
    Status.DISPOSITIONED: ("undefined", "pen"),
    Status.CLOSED: ("ok", "ok"),
    Status.WITHDRAWN: ("undefined", "undo"),
}
_SEVERITIES = {
    Severity.CRITICAL: ("not-ok", "alarm"),
    Severity.MAJOR: ("not-decidable", "not-decidable"),
    Severity.MINOR: ("undefined", "undefined"),
}
_LOTS = {
    LotStatus.OPEN: ("undefined", "box"),
    LotStatus.HELD: ("not-decidable", "hold"),
    LotStatus.RELEASED: ("ok", "ok"),
}


@register.inclusion_tag("pieces/badge.html")
def case_state(status: str) -> dict[str, Any]:
    return _badge(_STATES[Status(status)], Status(status).label)


@register.inclusion_tag("pieces/badge.html")
def severity(value: str) -> dict[str, Any]:
    return _badge(_SEVERITIES[Severity(value)], Severity(value).label)


@register.inclusion_tag("pieces/badge.html")
def lot_state(status: str) -> dict[str, Any]:
    return _badge(_LOTS[LotStatus(status)], LotStatus(status).label)


def _badge(look: tuple[str, str], label: str) -> dict[str, Any]:
    return {"colour": look[0], "drawing": look[1], "label": label}


@register.inclusion_tag("quality/of_inspection.html")
def nonconformances_of(inspection: Inspection) -> dict[str, Any]:
    """What a part belongs to, and what was decided about it."""
    joined = Occurrence.objects.filter(inspection=inspection).values("nonconformance")
    listed = inspection.containments.order_by().values("nonconformance")
    lines = inspection.containments.select_related("disposition__by")
    decided = {line.nonconformance_id: line.disposition for line in lines}
    cases = Nonconformance.objects.filter(Q(pk__in=joined) | Q(pk__in=listed))
    return {"cases": [(case, decided.get(case.pk)) for case in cases]}


@register.filter
def late(action: CorrectiveAction) -> bool:
    return is_overdue(
        action.status, due=action.due, check_due=action.check_due, today=timezone.localdate()
    )


@register.filter
def may_raise(roles: Collection[str]) -> bool:
    return not set(RAISERS).isdisjoint(roles)
