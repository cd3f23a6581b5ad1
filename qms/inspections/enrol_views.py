"""Enrol a product from the browser: drop normals, watch the fit, see its promise, activate."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms import storage
from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.accounts.roles import Role, role_required
from qms.accounts.signing import SigningForm, proof_of
from qms.filled_in import filled_in
from qms.inspections import enrolling, judge, pictures
from qms.inspections.enrolments import Enrolment, EnrolmentPicture, Phase
from qms.inspections.histogram import Histogram, histogram, zone
from qms.lifecycle import Refused
from qms.plant.models import CODE, DefectType, Product
from qms.registry.models import ModelVersion
from qms.registry.models import Status as ModelStatus

ENROLLERS = (Role.ADMIN, Role.LEAD, Role.ML, Role.MANAGER)
SHOWN, ODDEST = 200, 10

# What each detector is, for who chooses; the rest of the library's names stand for themselves.
_DETECTORS = {
    "memory": "Memory of normal patches (the usual choice)",
    "head": "Head taught with made-up defects (slow to fit)",
    "fusion": "Memory and head together (slowest, most thorough)",
    "zeroshot": "Sentences against patches (needs an open_clip backbone)",
    "stub": "Brightness is badness (to try things out, no real detector)",
}
BACKBONES = ("builtin", "builtin:filters")
_RATES = (("", "What the pictures allow"), ("0.05", "5 %"), ("0.02", "2 %"), ("0.01", "1 %"))


class FitForm(forms.Form):
    """How a product is to be learnt."""

    detector = forms.ChoiceField(choices=[(d, _DETECTORS.get(d, d)) for d in judge.DETECTORS])
    backbone = forms.RegexField(
        r"^[\w./:@?=,+-]+\Z",
        max_length=255,
        widget=forms.TextInput(attrs={"list": "backbones", "autocomplete": "off"}),
        error_messages={"invalid": "A backbone's name has no spaces, such as builtin."},
    )
    size = forms.TypedChoiceField(
        label="Side of the judged picture",
        coerce=int,
        choices=[(side, f"{side} px") for side in (128, 192, 256, 320, 384, 512)],
    )
    promise_rate = forms.TypedChoiceField(
        label="Promise false calls of at most",
        required=False,
        coerce=float,
        empty_value=None,
        choices=_RATES,
    )
    defect_types = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3, "placeholder": "scratch\ndent"})
    )

    def clean_defect_types(self) -> list[str]:
        """One a line, or with commas between; "deep scratch" becomes deep_scratch."""
        text = self.cleaned_data["defect_types"].replace(",", "\n")
        codes = ["_".join(line.split()) for line in text.splitlines() if line.strip()]
        for code in codes:
            CODE(code)
            if len(code) > 32:
                raise forms.ValidationError(f"The defect type {code} has more than 32 letters.")
        return list(dict.fromkeys(codes))


@require_GET
@role_required(*ENROLLERS)
def enrol(request: PersonRequest, code: str) -> HttpResponse:
    product = get_object_or_404(Product, code=code)
    enrolment = Enrolment.open_of(product)
    models = ModelVersion.objects.filter(product=product)
    context = {
        "product": product,
        "enrolment": enrolment,
        "active": models.filter(status=ModelStatus.ACTIVE).first(),
        "form": FitForm(initial=_as_before(product, enrolment)),
        "signing": SigningForm(),
        "approval": Meaning.APPROVAL.label,
        "backbones": BACKBONES,
        "defect_types": DefectType.objects.filter(product=product, active=True),
        "max_mb": settings.MAX_PICTURE_MB,
        **_pictures(enrolment, every="all" in request.GET),
        **_result(enrolment),
        **_moving(enrolment),
    }
    return render(request, "inspections/enrol.html", context)


def _as_before(product: Product, enrolment: Enrolment | None) -> dict[str, Any]:
    """What was chosen for the last fit of this product."""
    rows = Enrolment.objects.filter(product=product)
    last = enrolment or rows.order_by("-pk").first() or Enrolment()
    rate = "" if last.promise_rate is None else f"{last.promise_rate:g}"
    chosen = {name: getattr(last, name) for name in ("detector", "backbone", "size")}
    return {**chosen, "promise_rate": rate}


def _pictures(enrolment: Enrolment | None, *, every: bool) -> dict[str, Any]:
    if enrolment is None:
        return {"pictures": [], "hidden_pictures": 0, **_summary(0)}
    count = enrolment.pictures.count()
    shown = enrolment.pictures.all() if every else enrolment.pictures.all()[:SHOWN]
    return {"pictures": shown, "hidden_pictures": count - len(shown), **_summary(count)}


def _summary(count: int) -> dict[str, Any]:
    """How far the pictures reach: what is needed, what they would promise, what more would."""
    reached = [rate for needed, rate in judge.PROMISED.items() if needed <= count]
    further = [
        (n, rate) for n, rate in judge.PROMISED.items() if n > max(count, judge.LEAST_NORMALS)
    ]
    return {
        "count": count,
        "least": judge.LEAST_NORMALS,
        "missing": max(0, judge.LEAST_NORMALS - count),
        "reached": reached[-1] if reached else None,
        "further": further[0] if further else None,
        "marks": [(needed, rate, needed <= count) for needed, rate in judge.PROMISED.items()],
    }


def _result(enrolment: Enrolment | None) -> dict[str, Any]:
    """What the last fit found, as long as it stands."""
    if enrolment is None or enrolment.status != Phase.READY:
        return {}
    ok, not_ok = enrolment.threshold_ok or 0.0, enrolment.threshold_not_ok or 0.0
    chart: Histogram | None = None
    if enrolment.calibration:
        chart = histogram(enrolment.calibration, ok, not_ok)
    odd = enrolment.pictures.filter(score__isnull=False).order_by("-score")[:ODDEST]
    oddest = [(picture, zone(picture.score or 0.0, ok, not_ok)) for picture in odd]
    return {"chart": chart, "oddest": oddest, "stale": enrolment.is_stale}


def _moving(enrolment: Enrolment | None) -> dict[str, Any]:
    """Where the fit is: the part of the page that is asked for again and again."""
    if enrolment is None or enrolment.status != Phase.FITTING:
        return {}
    now = timezone.now()
    spoke = enrolment.progress_at or enrolment.fit_at or now
    share = enrolment.done / enrolment.total if enrolment.total else 0.0
    return {
        "now": now,
        "share": round(100 * share),
        "silent": now - spoke if (now - spoke).total_seconds() > 30 else None,
    }


@require_GET
@role_required(*ENROLLERS)
def progress(request: PersonRequest, code: str) -> HttpResponse:
    """A redirect, once there is nothing to watch any more, makes the page load itself again."""
    enrolment = Enrolment.open_of(get_object_or_404(Product, code=code))
    if enrolment is None or enrolment.status != Phase.FITTING:
        return redirect("product-enrol", code)
    context = {"enrolment": enrolment, **_moving(enrolment)}
    response = render(request, "inspections/enrol_progress.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@role_required(*ENROLLERS)
def add(request: PersonRequest, code: str) -> HttpResponse:
    """One picture; the page's script sends many and shows what became of each.

    A refused file is an answer like any other: it is no fault of the page that asked.
    """
    product = get_object_or_404(Product, code=code)
    sent = request.FILES.get("picture")
    if sent is None or sent.size is None:
        return _no("Send the picture as the file 'picture' of a multipart form.")
    if sent.size > settings.MAX_PICTURE_MB * 1024 * 1024:
        return _no(f"It is larger than {settings.MAX_PICTURE_MB} MB: send a smaller one.")
    name = request.POST.get("name") or sent.name or ""
    try:
        picture, is_new = enrolling.add_picture(
            product, sent.read(), name=name, by=request.user, now=timezone.now()
        )
    except (judge.BadPicture, Refused) as error:
        return _no(str(error))
    summary = _fragment(request, "enrol_summary", _summary(picture.enrolment.pictures.count()))
    tile = _fragment(request, "enrol_tile", {"picture": picture}) if is_new else ""
    return JsonResponse({"new": is_new, "tile": tile, "summary": summary})


def _fragment(request: PersonRequest, name: str, context: Mapping[str, Any]) -> str:
    return render_to_string(f"inspections/{name}.html", dict(context), request)


def _no(sentence: str) -> HttpResponse:
    return JsonResponse({"refused": sentence})


@require_POST
@role_required(*ENROLLERS)
def remove(request: PersonRequest, code: str) -> HttpResponse:
    enrolment = _enrolment(code)
    chosen = [int(pk) for pk in request.POST.getlist("picture") if pk.isdecimal()]
    enrolling.remove_pictures(enrolment, chosen)
    return redirect("product-enrol", code)


@require_POST
@role_required(*ENROLLERS)
def start_over(request: PersonRequest, code: str) -> HttpResponse:
    enrolling.start_over(_enrolment(code))
    messages.success(request, "All pictures are taken out.")
    return redirect("product-enrol", code)


@require_POST
@role_required(*ENROLLERS)
def fit(request: PersonRequest, code: str) -> HttpResponse:
    plan = enrolling.Plan(**filled_in(FitForm(request.POST)))
    enrolling.begin_fit(_enrolment(code), plan, by=request.user, now=timezone.now())
    return redirect("product-enrol", code)


@require_POST
@role_required(*ENROLLERS)
def cancel(request: PersonRequest, code: str) -> HttpResponse:
    enrolling.cancel_fit(_enrolment(code), by=request.user, now=timezone.now())
    messages.success(request, "The fit is cancelled. All pictures are still here.")
    return redirect("product-enrol", code)


@require_POST
@role_required(*ENROLLERS)
def activate(request: PersonRequest, code: str) -> HttpResponse:
    enrolment = _enrolment(code)
    seen = request.POST.get("candidate", "")
    proof = proof_of(request, SigningForm(request.POST), meaning=Meaning.APPROVAL)
    version = enrolling.activate(
        enrolment, seen=int(seen) if seen.isdecimal() else 0, proof=proof, now=timezone.now()
    )
    messages.success(request, f"{version} judges {version.product} from now on.")
    return redirect("product-enrol", code)


def _enrolment(code: str) -> Enrolment:
    found = Enrolment.open_of(get_object_or_404(Product, code=code))
    if found is None:
        raise Refused("There is nothing to enrol yet: drop pictures of good parts first.")
    return found


@require_GET
@role_required(*ENROLLERS)
def thumbnail(request: PersonRequest, pk: int) -> HttpResponse:
    picture = get_object_or_404(EnrolmentPicture, pk=pk)
    try:
        small = pictures.thumbnail_of_sent(storage.read(picture.key))
    except (FileNotFoundError, judge.BadPicture) as error:
        raise Http404("This picture is not in the file store any more.") from error
    response = HttpResponse(small, content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
