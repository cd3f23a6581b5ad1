"""Raising a nonconformance from the page of a part or of a lot."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from qms.accounts.http import PersonRequest
from qms.accounts.roles import role_required
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.plant.models import Lot, Severity
from qms.quality import forms, opening
from qms.quality.models import LIVE, Nonconformance, Scope
from qms.quality.rules import RAISERS
from qms.review.looks import first_or_holding


@require_http_methods(["GET", "POST"])
@role_required(*RAISERS)
def new(request: PersonRequest) -> HttpResponse:
    """Prefilled from an inspection (?inspection=) or a lot (?lot=)."""
    inspection, lot = _named(request)
    product = inspection.product if inspection else lot.product if lot else None
    if product is None:
        raise Refused("Open a part or a lot first: a nonconformance is raised from its page.")
    first = _prefilled(inspection, lot, request)
    form = forms.RaiseForm(request.POST or None, initial=first, product=product)
    if request.method == "POST" and form.is_valid():
        station = inspection.station if inspection else None
        found = opening.Found(
            product=product, inspection=inspection, lot=lot, station=station, **form.cleaned_data
        )
        case = opening.raise_nonconformance(found, by=request.user, now=timezone.now())
        messages.success(request, f"{case} is raised. Contain it next.")
        return redirect("nonconformance", case.number)
    context = {
        "form": form,
        "inspection": inspection,
        "lot": lot,
        "product": product,
        "known": _known(inspection),
        "scopes": _scopes(inspection, lot),
    }
    return render(request, "quality/new.html", context)


def _named(request: PersonRequest) -> tuple[Inspection | None, Lot | None]:
    rows = Inspection.objects.select_related("product", "part", "lot", "station__line__site")
    if text := request.GET.get("inspection"):
        inspection = get_object_or_404(rows, pk=_key(text))
        return inspection, inspection.lot
    if text := request.GET.get("lot", ""):
        number = int(text) if text.isdecimal() and len(text) < 18 else 0
        return None, get_object_or_404(Lot.objects.select_related("product"), pk=number)
    return None, None


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _prefilled(
    inspection: Inspection | None, lot: Lot | None, request: PersonRequest
) -> dict[str, Any]:
    if inspection is None:
        return {"scope": Scope.LOT, "severity": Severity.MAJOR, "hold_lot": True}
    review = first_or_holding(inspection)
    kind = review.defect_type if review else None
    verdict = inspection.verdicts.order_by("-judged_at").first()
    told = [review.note if review else ""]
    if verdict and not is_hidden(inspection, request.user):
        named = verdict.findings.filter(defect_type__isnull=False).order_by("number")
        first = named.select_related("defect_type").first()
        kind = kind or (first.defect_type if first else None)
        told.append(verdict.description)
    what = str(kind) if kind else "Nonconforming part"
    return {
        "title": f"{what}: {inspection.serial or inspection.product.code}"[:160],
        "severity": kind.severity if kind else Severity.MAJOR,
        "defect_type": kind,
        "scope": Scope.PART,
        "description": "\n".join(text for text in told if text),
    }


def _scopes(inspection: Inspection | None, lot: Lot | None) -> set[str]:
    """Those that make sense for what it is raised from."""
    found = {Scope.PART} if inspection else set()
    if inspection and inspection.station_id:
        found.add(Scope.STATION)
    return {str(one) for one in (found | {Scope.LOT} if lot else found)}


def _known(inspection: Inspection | None) -> QuerySet[Nonconformance]:
    """The live ones that this part belongs to already."""
    cases = Nonconformance.objects.filter(status__in=LIVE)
    return cases.filter(occurrences__inspection=inspection) if inspection else cases.none()
