"""How far people and the model agree, and the studies that tell it well."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.models import User
from qms.accounts.roles import REVIEWERS, Role, has_role, role_required
from qms.filled_in import filled_in
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Inspection
from qms.plant.models import Product
from qms.reports import plots
from qms.reports.appraisers import Look, Truth, truth_of
from qms.reports.looks import (
    ALL,
    BLIND,
    Progress,
    agreement_in,
    agreement_of,
    looks_of,
    progress_of,
)
from qms.reports.periods import ReportForm
from qms.review.models import Study
from qms.review.study import FEWEST_PARTS, MOST_PARTS, MOST_TRIALS, begin_study, end_study

READERS = (Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN, Role.ML)
BEGINNERS = (Role.LEAD, Role.MANAGER, Role.ADMIN)
LOOKS = [(BLIND, "Blind looks only"), (ALL, "All looks")]


class AgreementForm(ReportForm):
    looks = forms.ChoiceField(choices=LOOKS, required=False)


class BeginForm(forms.Form):
    product = forms.ModelChoiceField(Product.objects.all(), to_field_name="code")
    name = forms.CharField(max_length=128)
    people = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True, groups__name__in=REVIEWERS)
        .order_by("username")
        .distinct(),
        error_messages={"required": "Choose at least two people."},
    )
    parts = forms.IntegerField(min_value=FEWEST_PARTS, max_value=MOST_PARTS, initial=50)
    trials = forms.IntegerField(min_value=1, max_value=MOST_TRIALS, initial=2)


@require_GET
@role_required(*READERS)
def agreement(request: PersonRequest) -> HttpResponse:
    form = AgreementForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "products": Product.objects.all(),
        "stations": None,
        "looks": LOOKS,
        "may_begin": has_role(request.user, *BEGINNERS),
    }
    if form.is_valid() and (product := form.product_or_first):
        context |= _of_product(product, form)
    return render(request, "reports/agreement.html", context)


def _of_product(product: Product, form: AgreementForm) -> dict[str, Any]:
    period = form.period(today=timezone.localdate())
    which = form.cleaned_data["looks"] or BLIND
    found = agreement_of(product, period, which=which)
    decided = Count("reviews", filter=Q(reviews__status="DECIDED"))
    people = Count("reviews__assigned_to", distinct=True)
    studies = Study.objects.filter(product=product).annotate(
        decided=decided, people=people, wanted=F("parts") * F("trials") * people
    )
    return {
        "product": product,
        "period": period,
        "which": which,
        "found": found,
        "rows": plots.rows(found),
        "panels": plots.panels(found),
        "studies": studies.select_related("begun_by").order_by("-begun_at"),
        "begin": BeginForm(initial={"name": f"{product} {timezone.localdate():%B %Y}"}),
    }


@require_POST
@role_required(*BEGINNERS)
def begin(request: PersonRequest) -> HttpResponse:
    given = filled_in(BeginForm(request.POST), named=True)
    study = begin_study(
        given["product"],
        name=given["name"],
        people=list(given["people"]),
        parts=given["parts"],
        trials=given["trials"],
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, f"{study} has begun: its parts wait in each person's queue, blind.")
    return redirect("study", study.pk)


@require_POST
@role_required(*BEGINNERS)
def end(request: PersonRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Study, pk=pk)
    end_study(row, by=request.user, now=timezone.now())
    messages.success(request, f"{row} is over: what was said stays.")
    return redirect("study", pk)


# --- one study ---


@dataclass(frozen=True)
class Cell:
    """What one appraiser said in one trial; empty: not yet."""

    said: str
    apart: bool  # from the truth


@dataclass(frozen=True)
class PartRow:
    inspection: Inspection
    truth: Truth | None
    model: Cell
    cells: Sequence[Cell]
    hidden: bool

    @property
    def apart(self) -> int:
        return self.model.apart + sum(cell.apart for cell in self.cells)


@require_GET
@role_required(*READERS)
def study(request: PersonRequest, pk: int) -> HttpResponse:
    """An appraiser of the study learns from it only once they have answered all."""
    row = get_object_or_404(Study.objects.select_related("product", "begun_by"), pk=pk)
    progress = progress_of(row)
    context: dict[str, Any] = {
        "study": row,
        "product": row.product,
        "progress": progress,
        "done": row.ended_at or all(one.is_done for one in progress),
        "still_mine": not row.ended_at
        and any(one.person == request.user and not one.is_done for one in progress),
        "may_end": has_role(request.user, *BEGINNERS),
    }
    if not context["still_mine"]:
        found = agreement_in(row)
        context |= {
            "found": found,
            "rows": plots.rows(found),
            "panels": plots.panels(found),
            "trials": range(1, row.trials + 1),
            "parts": _table(row, progress, request.user),
        }
    return render(request, "reports/study.html", context)


def _table(study: Study, progress: Sequence[Progress], reader: User) -> list[PartRow]:
    """The parts about which most disagree come first."""
    own, beside = looks_of(study)
    said: dict[Any, list[Look]] = defaultdict(list)
    for look in [*own, *beside]:
        said[look.part].append(look)
    parts = Inspection.objects.filter(reviews__study=study).distinct().select_related("part")
    columns = [(str(one.person), trial) for one in progress for trial in _trials(study)]
    found = [
        _part_row(part, own, said.get(part.pk, []), columns, is_hidden(part, reader))
        for part in parts.prefetch_related("reviews")
    ]
    return sorted(found, key=lambda row: (-row.apart, row.inspection.pk))


def _trials(study: Study) -> range:
    return range(1, study.trials + 1)


def _part_row(
    part: Inspection,
    own: Sequence[Look],
    looks: Sequence[Look],
    columns: Sequence[tuple[str, int]],
    hidden: bool,
) -> PartRow:
    in_study = [look for look in own if look.part == part.pk]
    if hidden or not in_study:
        return PartRow(part, None, Cell("", False), [Cell("", False)] * len(columns), hidden)
    truth = truth_of(looks)
    answers = {(look.person, look.trial): look.said for look in in_study}
    cells = [_cell(answers.get(column, ""), truth) for column in columns]
    return PartRow(part, truth, _cell(in_study[0].model, truth), cells, hidden=False)


def _cell(said: str, truth: Truth) -> Cell:
    return Cell(said, bool(said) and said != truth.said)
