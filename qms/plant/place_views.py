"""Add and change a site, a line, a station or a product: one form each, stored by one action."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from qms.accounts.http import PersonRequest
from qms.accounts.roles import role_required
from qms.lifecycle import Refused
from qms.plant import actions, changes
from qms.plant.forms import PLACES, place_form
from qms.plant.models import Line, Product, Site, Station
from qms.plant.views import EDITORS

Place = Site | Line | Station | Product


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def add(request: PersonRequest, kind: str) -> HttpResponse:
    if kind not in PLACES:
        raise Http404(f"There is no kind {kind}.")
    row: Any = changes.KINDS[kind]()
    return _edit(request, row)


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def edit(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    if kind not in PLACES:
        raise Http404(f"There is no kind {kind}.")
    row: Any = get_object_or_404(changes.KINDS[kind]._default_manager.all(), pk=pk)
    return _edit(request, row)


def _edit(request: PersonRequest, row: Place) -> HttpResponse:
    kind, new = changes.kind_of(row), not row.pk
    context = {
        "kind": kind,
        "row": None if new else type(row)._default_manager.get(pk=row.pk),
        "seen": request.POST.get("seen", "") or ("" if new else changes.fingerprint(row)),
    }
    form = place_form(row, request.POST or None, request.GET.dict() if new else None)
    if request.method == "POST" and form.is_valid():
        try:
            change = _stored(request, row, form.cleaned_data)
        except changes.ChangedMeanwhile:
            raise  # to the form as it is now, with the other person's values
        except Refused as error:
            form.add_error(None, str(error))
        else:
            if change.what != changes.UNCHANGED:
                messages.success(request, f"{kind.capitalize()} {row} {change.what}.")
            return _on(row)
    removable = not new and not isinstance(row, Product) and not changes.users_of(row)
    return render(request, "plant/edit.html", {**context, "form": form, "removable": removable})


def _stored(request: PersonRequest, row: Place, words: dict[str, Any]) -> changes.Change:
    now, seen = timezone.now(), request.POST.get("seen", "") if row.pk else None
    if isinstance(row, Product):
        return actions.save_product(row, words, by=request.user, now=now, seen=seen)
    return changes.save(row, words, by=request.user, now=now, seen=seen)


def _on(row: Place) -> HttpResponse:
    """To the page of what was stored."""
    if isinstance(row, Station):
        return redirect("plant-station", row.code)
    return redirect("plant-product", row.code) if isinstance(row, Product) else redirect("plant")
