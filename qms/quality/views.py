"""Nonconformances: the list, the page of one, its evidence, and what is decided there."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.accounts.roles import EVERYONE, Role, has_role, role_required
from qms.accounts.signing import proof_of
from qms.filled_in import filled_in
from qms.lifecycle import Refused
from qms.plant.models import Product, Severity
from qms.quality import actions, containment, evidence, forms
from qms.quality.filters import NonconformanceFilter, late
from qms.quality.models import (
    LIVE,
    Contained,
    Covers,
    Nonconformance,
    Scope,
    Standing,
    Status,
)
from qms.quality.rules import DECIDERS, KEEPERS, NEEDS_BOARD, RAISERS

PAGE = 50


@require_GET
@role_required(*EVERYONE)
def index(request: PersonRequest) -> HttpResponse:
    cases = Nonconformance.objects.all()
    facets = NonconformanceFilter(request.GET, cases, request=request)
    found = facets.qs if facets.is_valid() else cases.none()
    rows = found.select_related(
        "product", "defect_type", "lot", "station__line__site", "opened_by"
    ).annotate(parts=Count("lines"), late=late())
    context = {
        "page": Paginator(rows.order_by("-pk"), PAGE).get_page(request.GET.get("page")),
        "facets": facets,
        "any_filter": any(name in facets.filters and value for name, value in request.GET.items()),
        "counts": _counts(),
        "products": Product.objects.all(),
        "states": Status.choices,
        "severities": Severity.choices,
        "may_raise": has_role(request.user, *RAISERS),
    }
    return render(request, "quality/index.html", context)


def _counts() -> dict[str, int]:
    by_status = Nonconformance.objects.order_by().values_list("status").annotate(n=Count("pk"))
    found = {status.lower(): 0 for status in Status.values}
    found |= {status.lower(): n for status, n in by_status}
    return {**found, "overdue": Nonconformance.objects.filter(late(), status__in=LIVE).count()}


@require_GET
@role_required(*EVERYONE)
def record(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    standing = case.occurrences.filter(status=Standing.STANDS)
    board = has_role(request.user, Role.MRB)
    context = {
        "case": case,
        "frozen": evidence.is_frozen(case),
        "page": Paginator(_list(case), PAGE).get_page(request.GET.get("page")),
        "bad": set(standing.values_list("inspection_id", flat=True)),
        "last_good": containment.last_good(case) if case.scope == Scope.STATION else None,
        "fresh": containment.not_listed(case).count() if case.is_live else 0,
        "undecided": containment.undecided(case).count(),
        "dispositions": case.dispositions.select_related("by", "signature", "inspection__part"),
        "actions": case.actions.select_related("owner", "done_by", "checked_by"),
        "missing": actions.missing(case) if case.status == Status.DISPOSITIONED else [],
        "story": evidence.life(case)[::-1],
        "may": _may(request, case),
        "disposition": forms.DispositionForm(board=board, initial=_wanted_line(request)),
        "action_form": forms.ActionForm(initial={"owner": request.user.pk}),
        "concessions": [kind.label for kind in NEEDS_BOARD] if not board else [],
        "signing": Meaning.APPROVAL.label,
        "now": timezone.now(),
        "today": timezone.localdate(),
    }
    return render(request, "quality/record.html", context)


def _case(number: str) -> Nonconformance:
    rows = Nonconformance.objects.select_related(
        "product", "inspection__part", "lot", "station__line__site", "defect_type"
    )
    people = ("opened_by", "contained_by", "dispositioned_by", "closed_by")
    return get_object_or_404(rows.select_related(*people), number=number)


def _list(case: Nonconformance) -> QuerySet[Any]:
    """The frozen lines; before there are any, the parts in doubt as they are now."""
    if evidence.is_frozen(case):
        return evidence.lines_of(case)
    return evidence.detailed(containment.in_doubt(case))


def _may(request: PersonRequest, case: Nonconformance) -> dict[str, bool]:
    """What may be done now, and by this person."""
    keeper, decider = has_role(request.user, *KEEPERS), has_role(request.user, *DECIDERS)
    listed = case.status in (Status.CONTAINED, Status.DISPOSITIONED)
    return {
        "contain": keeper and case.status == Status.OPEN,
        "withdraw": keeper and _may_fall(case),
        "extend": keeper and listed,
        "dispose": decider and listed,
        "describe": keeper and case.is_live,
        "act": keeper and case.is_live,
        "close": keeper and case.status == Status.DISPOSITIONED,
        "reopen": keeper and not case.is_live,
    }


def _may_fall(case: Nonconformance) -> bool:
    contained = case.status == Status.CONTAINED
    return case.status == Status.OPEN or (contained and actions.is_baseless(case))


def _wanted_line(request: PersonRequest) -> dict[str, Any]:
    wanted = request.GET.get("line", "")
    if wanted.isdecimal():
        return {"covers": Covers.ONE, "line": wanted}
    return {"covers": Covers.REST}


@require_GET
@role_required(*EVERYONE)
def evidence_pack(request: PersonRequest, number: str) -> HttpResponse:
    context = evidence.pack(_case(number), reader=request.user)
    context |= {"printed_at": timezone.now(), "printed_by": request.user}
    return render(request, "quality/evidence.html", context)


@require_POST
@role_required(*KEEPERS)
def contain(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    text = filled_in(forms.ContainForm(request.POST), named=True)["text"]
    added = actions.contain(case, text=text, by=request.user, now=timezone.now())
    parts = f"{added} part{' is' if added == 1 else 's are'}"
    messages.success(request, f"{parts} on the list now. Say next what is done with them.")
    return redirect("nonconformance", number)


@require_POST
@role_required(*DECIDERS)
def dispose(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    form = forms.DispositionForm(request.POST, board=has_role(request.user, Role.MRB))
    proof = proof_of(request, form, meaning=Meaning.APPROVAL)
    wanted = form.cleaned_data
    actions.dispose(
        case,
        wanted["kind"],
        covers=wanted["covers"],
        line=_line(case, wanted),
        ruling=wanted.get("ruling", ""),
        proof=proof,
        now=timezone.now(),
    )
    messages.success(request, "The disposition is signed.")
    return redirect("nonconformance", number)


def _line(case: Nonconformance, wanted: dict[str, Any]) -> Contained | None:
    if wanted["covers"] != Covers.ONE:
        return None
    line = case.lines.filter(number=wanted["line"] or 0).first()
    if line is None:
        raise Refused("Name the line of the part on the containment list.")
    return line


@require_POST
@role_required(*KEEPERS)
def describe(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    cause = filled_in(forms.CauseForm(request.POST), named=True)["root_cause"]
    actions.describe(case, root_cause=cause, by=request.user, now=timezone.now())
    return redirect("nonconformance", number)


@require_POST
@role_required(*KEEPERS)
def close(request: PersonRequest, number: str) -> HttpResponse:
    actions.close(_case(number), by=request.user, now=timezone.now())
    messages.success(request, f"{number} is closed.")
    return redirect("nonconformance", number)


@require_POST
@role_required(*KEEPERS)
def withdraw(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    reason = filled_in(forms.ReasonForm(request.POST), named=True)["reason"]
    actions.withdraw(case, reason=reason, by=request.user, now=timezone.now())
    return redirect("nonconformance", number)


@require_POST
@role_required(*KEEPERS)
def reopen(request: PersonRequest, number: str) -> HttpResponse:
    case = _case(number)
    reason = filled_in(forms.ReasonForm(request.POST), named=True)["reason"]
    actions.reopen(case, reason=reason, by=request.user, now=timezone.now())
    return redirect("nonconformance", number)
