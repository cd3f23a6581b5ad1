"""What-if: other thresholds on the scores that people reviewed, and publishing them."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.accounts.roles import Role, has_role, role_required
from qms.accounts.signing import SigningForm, proof_of
from qms.plant.models import Product, Station
from qms.registry.models import ModelVersion, Status
from qms.registry.thresholds import publish_thresholds
from qms.reports.comparison import doubt, lines
from qms.reports.histogram import WIDTH, Histogram, histogram
from qms.reports.periods import ReportForm
from qms.reports.rates import Z, trials_needed
from qms.reports.scores import MOST_LOOKED, Scores, scores_of
from qms.reports.whatif import TOLD, Production, consequences
from qms.review.triage import STRATA

READERS = (Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN, Role.ML)
PUBLISHERS = (Role.LEAD, Role.MANAGER, Role.ADMIN)


class ThresholdsForm(ReportForm):
    """With the thresholds that are tried, so that what one sees is an address to send."""

    ok = forms.FloatField(required=False, min_value=0)
    not_ok = forms.FloatField(required=False, min_value=0)


class PublishForm(SigningForm):
    product = forms.ModelChoiceField(Product.objects.all(), to_field_name="code")
    station = forms.ModelChoiceField(Station.objects.all(), to_field_name="code", required=False)
    ok = forms.FloatField(error_messages={"required": "Give the threshold for OK."})
    not_ok = forms.FloatField(error_messages={"required": "Give the threshold for not OK."})
    artefact = forms.CharField(max_length=64)
    instead_of = forms.IntegerField(required=False)


@require_GET
@role_required(*READERS)
def thresholds(request: PersonRequest) -> HttpResponse:
    form = ThresholdsForm(request.GET)
    understood = form.is_valid()
    context: dict[str, Any] = {
        "form": form,
        "products": Product.objects.all(),
        "stations": Station.objects.all(),
        "may_publish": has_role(request.user, *PUBLISHERS),
        "meaning": Meaning.APPROVAL.label,
        "signing": PublishForm(),
    }
    if understood and (product := form.product_or_first):
        context |= _looked_at(product, form)
    return render(request, "reports/thresholds.html", context)


def _looked_at(product: Product, form: ThresholdsForm) -> dict[str, Any]:
    period = form.period(today=timezone.localdate())
    given: dict[str, Any] = {
        "product": product,
        "station": form.cleaned_data["station"],
        "period": period,
    }
    model = ModelVersion.objects.filter(product=product, status=Status.ACTIVE).first()
    if model is None:
        return given
    scores = scores_of(product, model, given["station"], period)
    return given | {"model": model, "scores": scores, "cut": MOST_LOOKED} | _compared(scores, form)


def _compared(scores: Scores, form: ThresholdsForm) -> dict[str, Any]:
    if scores.present is None or not scores.parts:
        return {}
    tried = _tried(scores.present, form)
    production = scores.production
    at_present = consequences(production, ok=scores.present[0], not_ok=scores.present[1])
    chosen = consequences(production, ok=tried[0], not_ok=tried[1])
    drawn = histogram(production.looked, production.judged, scores.present)
    return {
        "tried": {"ok": tried[0], "not_ok": tried[1]},
        "present": {"ok": scores.present[0], "not_ok": scores.present[1]},
        "lines": lines(at_present, chosen),
        "doubt": doubt(chosen),
        "drawn": drawn,
        "at": _zones(drawn.at(tried[0]), drawn.at(tried[1])),
        "at_present": [drawn.at(limit) for limit in scores.present],
        "payload": payload(production, scores.present, drawn),
    }


def _zones(ok: float, not_ok: float) -> dict[str, float]:
    return {"ok": ok, "not_ok": not_ok, "between": not_ok - ok, "beyond": WIDTH - not_ok}


def _tried(present: tuple[float, float], form: ThresholdsForm) -> tuple[float, float]:
    """Those of the address; whichever is missing is as at present, and the order holds."""
    ok, not_ok = form.cleaned_data["ok"], form.cleaned_data["not_ok"]
    low = present[0] if ok is None else ok
    high = max(present[1], low) if not_ok is None else not_ok
    return min(low, high), high


def payload(
    production: Production, present: tuple[float, float], drawn: Histogram
) -> dict[str, Any]:
    """All that ``whatif.js`` needs to compute the same."""
    return {
        "looked": [[p.score, p.bad, p.weight, p.always] for p in production.looked],
        "judged": [[p.score, p.parts, p.always] for p in production.judged],
        "shifts": production.shifts,
        "rules": asdict(production.rules),
        "strata": [[below, factor] for _, below, factor in STRATA],
        "present": present,
        "scale": [drawn.low, drawn.high],
        "z": Z,
        "told": TOLD,
        "needed": trials_needed(TOLD),
    }


@require_POST
@role_required(*PUBLISHERS)
def publish(request: PersonRequest) -> HttpResponse:
    """The thresholds that the person looked at become a new version of the recipe."""
    form = PublishForm(request.POST)
    proof = proof_of(request, form, meaning=Meaning.APPROVAL)
    given = form.cleaned_data
    recipe = publish_thresholds(
        given["product"],
        station=given["station"],
        ok=given["ok"],
        not_ok=given["not_ok"],
        artefact=given["artefact"],
        instead_of=given["instead_of"],
        proof=proof,
        now=timezone.now(),
    )
    messages.success(request, f"{recipe} is published: the next picture is judged by it.")
    chosen = {"product": given["product"].code}
    if given["station"]:
        chosen["station"] = given["station"].code
    return redirect(f"{reverse('thresholds')}?{urlencode(chosen)}")
