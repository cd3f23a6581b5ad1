"""A whole catalogue in and out: look first, then bring it in."""

from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, role_required
from qms.lifecycle import Refused
from qms.plant import catalogue_export, catalogue_import
from qms.plant.catalogue_csv import to_csv
from qms.plant.catalogue_file import LARGEST
from qms.plant.catalogue_json import to_json
from qms.plant.forms import CatalogueForm
from qms.plant.views import EDITORS

_SALT = "plant.catalogue"
_KEPT = 3600  # seconds between the look and the import
_SHOWN = 500  # rows and problems on the page
_FORMATS = {"json": (to_json, "application/json"), "csv": (to_csv, "text/csv; charset=utf-8")}


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def look(request: PersonRequest) -> HttpResponse:
    """The form, and what the file would do. Nothing is stored; the page carries the file on."""
    form = CatalogueForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        data = file.read(LARGEST + 1)
        plan = catalogue_import.dry_run(file.name, data, by=request.user, now=timezone.now())
        kept = signing.dumps(
            [file.name, data.decode("utf-8", "replace"), plan.digest], salt=_SALT, compress=True
        )
        context |= _shown(plan, file.name, kept)
    return render(request, "plant/import.html", context)


def _shown(plan: catalogue_import.Plan, name: str, kept: str) -> dict[str, Any]:
    told = [o for o in plan.outcomes if o.what != "unchanged"]
    return {
        "plan": plan,
        "name": name,
        "kept": "" if plan.problems or not told else kept,
        "told": told[:_SHOWN],
        "more": max(0, len(told) - _SHOWN),
        "problems": plan.problems[:_SHOWN],
    }


@require_POST
@role_required(*EDITORS)
def bring_in(request: PersonRequest) -> HttpResponse:
    try:
        name, text, digest = signing.loads(request.POST.get("kept", ""), salt=_SALT, max_age=_KEPT)
    except signing.BadSignature:
        raise Refused("Look at the file again: what was shown is too old to be used.") from None
    data, now = text.encode(), timezone.now()
    plan = catalogue_import.bring_in(name, data, by=request.user, now=now, agreed=digest)
    messages.success(
        request,
        f"{name} is in: {plan.added} added, {plan.changed} changed, {plan.unchanged} as before.",
    )
    return redirect("plant")


@require_GET
@role_required(*EVERYONE)
def export(request: PersonRequest, form: str) -> HttpResponse:
    if form not in _FORMATS:
        raise Http404("A catalogue is exported as json or csv.")
    written, kind = _FORMATS[form]
    response = HttpResponse(written(list(catalogue_export.rows())), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="catalogue.{form}"'
    return response
