"""Labels out of the house and into it, by the browser."""

from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qms import storage
from qms.accounts.http import PersonRequest
from qms.accounts.roles import Role, role_required
from qms.labels import exchange, exchange_import, exchange_kept
from qms.labels.exchange_forms import ExportForm, ImportForm
from qms.lifecycle import Refused
from qms.plant.models import Product

EXPORTERS = (Role.MANAGER, Role.ML, Role.ADMIN, Role.AUDITOR)
IMPORTERS = (Role.MANAGER, Role.ML, Role.ADMIN)
_SALT = "labels.import"
_AGREED = 3600  # seconds between the look and the import
_SHOWN = 200  # broken pictures on the page
_MOST = 5000  # pictures that a page brings in: a request must end

# What each format is for, what it holds beside the pictures, and what it cannot carry.
_TOLD = {
    "coco": (
        "Everything, for another tool or another house: it comes in again exactly.",
        "Exact masks of each region, types, severities, notes, descriptions, questions and answers.",
        "",
    ),
    "mvtec": (
        "For detectors of anomalies.",
        "One mask a picture, in folders of good ones and of each defect type.",
        "Bad pictures of the training lots stand apart, for MVTec trains on good ones only. "
        "What nobody could decide, and defects without a mask, stay out.",
    ),
    "yolo": (
        "For detectors that segment.",
        "An outline for each part of a region; filled, it is the exact mask.",
        "No severities, words or answers. What nobody could decide stays out.",
    ),
    "ddqa": (
        "For models that answer questions about pictures.",
        "Is there a defect, of which type, where roughly, where exactly; and the free answers.",
        "No masks.",
    ),
}


@require_GET
@role_required(*EXPORTERS)
def export(request: PersonRequest) -> HttpResponse:
    form = ExportForm(request.GET)
    asked = form.asked(request.user) if form.is_valid() else None
    context: dict[str, Any] = {
        "form": form,
        "asked": asked,
        "products": Product.objects.all(),
        "formats": [(to, name, *_TOLD[to]) for to, name in exchange.FORMATS.items()],
    }
    if asked:
        context |= {
            "counts": exchange.counts(asked),
            "query": {
                "product": asked.product.code,
                "from": request.GET.get("from", ""),
                "to": request.GET.get("to", ""),
            },
        }
    return render(request, "labels/export.html", context)


@require_GET
@role_required(*EXPORTERS)
def download(request: PersonRequest) -> StreamingHttpResponse:
    form = ExportForm(request.GET)
    if not form.is_valid():
        raise Refused(form.sentence)
    asked, to = form.asked(request.user), form.cleaned_data["form"] or "coco"
    if asked is None:
        raise Refused("There is no product yet: add one, and send pictures of it.")
    now = timezone.now()
    chunks = exchange.chunks(asked, to=to, now=now)
    response = StreamingHttpResponse(chunks, content_type="application/zip")
    name = f"andon-{asked.product.code}-{to}-{now:%Y-%m-%d}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "POST"])
@role_required(*IMPORTERS)
def look(request: PersonRequest) -> HttpResponse:
    """The form, and what the file would bring in. Only the file itself is kept, for a day."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "products": Product.objects.exists()}
    if request.method == "POST" and form.is_valid():
        context |= _looked_at(form)
    return render(request, "labels/import.html", context)


def _looked_at(form: ImportForm) -> dict[str, Any]:
    file, product = form.cleaned_data["file"], form.cleaned_data["product"]
    add_types, now = form.cleaned_data["add_types"], timezone.now()
    try:
        plan = exchange_import.look(file, product=product, add_types=add_types, now=now, most=_MOST)
    except Refused as error:
        return {"refused": str(error), "name": file.name}
    kept = ""
    if plan.pictures or plan.annotations:
        key = exchange_kept.keep(file, now=now)
        kept = signing.dumps([key, file.name, product.code, add_types], salt=_SALT)
    shown = plan.broken[:_SHOWN]
    more = len(plan.broken) - len(shown)
    return {"plan": plan, "name": file.name, "kept": kept, "broken": shown, "more": more}


@require_POST
@role_required(*IMPORTERS)
def bring_in(request: PersonRequest) -> HttpResponse:
    try:
        said = signing.loads(request.POST.get("kept", ""), salt=_SALT, max_age=_AGREED)
    except signing.BadSignature:
        raise Refused("Look at the file again: what was shown is too old to be used.") from None
    key, name, code, add_types = said
    product = Product.objects.get(code=code)
    with exchange_kept.opened(key) as file:
        plan = exchange_import.bring_in(
            file, name, product=product, add_types=add_types, by=request.user
        )
    storage.drop(key)
    left = f" {len(plan.broken)} could not come in." if plan.broken else ""
    messages.success(
        request,
        f"{name} is in: {plan.pictures} new pictures, {plan.annotations} new annotations.{left}",
    )
    return redirect(f"{reverse('label-export')}?product={product.code}")
