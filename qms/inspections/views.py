"""The list of inspections, and the page of one."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, Role, has_role, role_required
from qms.events.models import of_subject
from qms.inspections.filters import InspectionFilter
from qms.inspections.models import Evaluation, Finding, Inspection, Status, Verdict
from qms.plant.models import DefectType, Product, Station

PAGE = 50
COUNTED = 10_000  # beyond, a count costs more than it tells


@dataclass(frozen=True)
class Page:
    """One page of the list, by key: as quick at the end as at the start."""

    rows: list[Inspection]
    newer: bool
    older: bool


@require_GET
@role_required(*EVERYONE)
def index(request: PersonRequest) -> HttpResponse:
    rows = _with_details(Inspection.objects.all())
    facets = InspectionFilter(request.GET, rows, request=request)
    matching = facets.qs if facets.is_valid() else Inspection.objects.none()
    count = matching.order_by()[: COUNTED + 1].count()
    context = {
        "page": _page(matching, request.GET.get("before_id"), request.GET.get("after_id")),
        "facets": facets,
        "count": min(count, COUNTED),
        "many": count > COUNTED,
        "any_filter": any(name in facets.filters and value for name, value in request.GET.items()),
        "products": Product.objects.all(),
        "stations": Station.objects.order_by("code"),
        "evaluations": Evaluation.choices,
        "states": Status.choices,
        "defect_types": DefectType.objects.values("code", "name").distinct().order_by("code"),
        "may_export": has_role(
            request.user, Role.MANAGER, Role.LEAD, Role.AUDITOR, Role.ADMIN, Role.ML
        ),
    }
    return render(request, "inspections/index.html", context)


def _page(rows: QuerySet[Inspection], before: str | None, after: str | None) -> Page:
    """Newest first. One row more than is shown tells whether the list goes on."""
    below, above = _key(before), _key(after)
    if above:
        found = list(rows.filter(id__gt=above).order_by("id")[: PAGE + 1])
        return Page(found[:PAGE][::-1], newer=len(found) > PAGE, older=True)
    older = rows.filter(id__lt=below) if below else rows
    found = list(older.order_by("-id")[: PAGE + 1])
    return Page(found[:PAGE], newer=below is not None, older=len(found) > PAGE)


def _key(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _with_details(rows: QuerySet[Inspection]) -> QuerySet[Inspection]:
    """With what a page shows, in a fixed number of queries; masks stay in the database."""
    findings = Finding.objects.select_related("defect_type").defer("counts").order_by("number")
    verdicts = (
        Verdict.objects.select_related("model_version__product", "recipe")
        .prefetch_related(Prefetch("findings", findings))
        .order_by("-judged_at")
    )
    return rows.select_related("product", "part", "lot", "station__line__site").prefetch_related(
        Prefetch("verdicts", verdicts), "reviews__defect_type", "reviews__reviewer"
    )


@require_GET
@role_required(*EVERYONE)
def detail(request: PersonRequest, pk: UUID) -> HttpResponse:
    inspection = get_object_or_404(_with_details(Inspection.objects.all()), pk=pk)
    verdicts = list(inspection.verdicts.all())
    context: dict[str, Any] = {
        "inspection": inspection,
        "verdict": verdicts[0] if verdicts else None,
        "former_verdicts": verdicts[1:],
        "reviews": sorted(inspection.reviews.all(), key=lambda look: look.pk),
        "events": of_subject(inspection.pk),
        "now": timezone.now(),
    }
    return render(request, "inspections/detail.html", context)
