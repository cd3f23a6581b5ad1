"""Lots: open, on hold or released, and what becomes of them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.accounts.roles import EVERYONE, has_role, role_required
from qms.accounts.signing import proof_of
from qms.filled_in import filled_in
from qms.plant.models import Lot, LotStatus, Product
from qms.quality import forms, lots
from qms.quality.filters import LotFilter
from qms.quality.models import LIVE
from qms.quality.rules import DECIDERS, RAISERS
from qms.quality.views import PAGE

_LIVE = Count("nonconformances", filter=Q(nonconformances__status__in=LIVE))


@require_GET
@role_required(*EVERYONE)
def index(request: PersonRequest) -> HttpResponse:
    facets = LotFilter(request.GET, Lot.objects.all(), request=request)
    found = facets.qs if facets.is_valid() else Lot.objects.none()
    rows = found.select_related("product").annotate(live=_LIVE).order_by("-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    counted = lots.counts(page.object_list)
    by_status = dict(Lot.objects.order_by().values_list("status").annotate(n=Count("pk")))
    context = {
        "page": page,
        "rows": [(lot, counted.get(lot.pk, lots.LotCount())) for lot in page.object_list],
        "facets": facets,
        "any_filter": any(name in facets.filters and value for name, value in request.GET.items()),
        "counts": {status.lower(): by_status.get(status, 0) for status in LotStatus.values},
        "states": LotStatus.choices,
        "products": Product.objects.all(),
    }
    return render(request, "quality/lots.html", context)


@require_GET
@role_required(*EVERYONE)
def detail(request: PersonRequest, pk: int) -> HttpResponse:
    lot = get_object_or_404(Lot.objects.select_related("product"), pk=pk)
    decider = has_role(request.user, *DECIDERS)
    context = {
        "lot": lot,
        "count": lots.counts([lot]).get(lot.pk, lots.LotCount()),
        "cases": lot.nonconformances.select_related("defect_type").order_by("-pk"),
        "may_raise": has_role(request.user, *RAISERS),
        "may_hold": has_role(request.user, *RAISERS) and lot.status != LotStatus.HELD,
        "may_let_go": decider and lot.status != LotStatus.RELEASED,
        "let_go": forms.LetGoForm(),
        "doubts": lots.doubts(lot),
        "signing": Meaning.APPROVAL.label,
    }
    return render(request, "quality/lot.html", context)


@require_POST
@role_required(*RAISERS)
def hold(request: PersonRequest, pk: int) -> HttpResponse:
    lot = get_object_or_404(Lot.objects.select_related("product"), pk=pk)
    reason = filled_in(forms.HoldForm(request.POST), named=True)["reason"]
    lots.hold(lot, reason=reason, by=request.user, now=timezone.now())
    messages.success(request, f"Lot {lot} is on hold, and all its parts with it.")
    return redirect("lot", pk)


@require_POST
@role_required(*DECIDERS)
def let_go(request: PersonRequest, pk: int) -> HttpResponse:
    lot = get_object_or_404(Lot.objects.select_related("product"), pk=pk)
    form = forms.LetGoForm(request.POST)
    proof = proof_of(request, form, meaning=Meaning.APPROVAL)
    lots.let_go(lot, form.cleaned_data["to"], proof=proof, now=timezone.now())
    messages.success(request, f"Lot {lot} is {lot.get_status_display().lower()}.")
    return redirect("lot", pk)
