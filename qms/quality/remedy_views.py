"""Corrective actions: agreed on, done, checked, or given up."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, role_required
from qms.filled_in import filled_in
from qms.quality import forms, remedies
from qms.quality.models import CorrectiveAction, Nonconformance
from qms.quality.rules import KEEPERS


@require_POST
@role_required(*KEEPERS)
def agree(request: PersonRequest, number: str) -> HttpResponse:
    case = get_object_or_404(Nonconformance, number=number)
    words = filled_in(forms.ActionForm(request.POST), named=True)
    remedies.agree(case, **words, by=request.user, now=timezone.now())
    return redirect("nonconformance", number)


@require_POST
@role_required(*EVERYONE)
def finish(request: PersonRequest, pk: int) -> HttpResponse:
    action, note = _action(request, pk)
    remedies.finish(action, note=note, by=request.user, now=timezone.now())
    return redirect("nonconformance", action.nonconformance.number)


@require_POST
@role_required(*KEEPERS)
def check(request: PersonRequest, pk: int) -> HttpResponse:
    action, _ = _action(request, pk)
    said = filled_in(forms.CheckForm(request.POST), named=True)
    effective = said["effective"] == "yes"
    remedies.check(
        action, effective=effective, note=said["note"], by=request.user, now=timezone.now()
    )
    return redirect("nonconformance", action.nonconformance.number)


@require_POST
@role_required(*KEEPERS)
def cancel(request: PersonRequest, pk: int) -> HttpResponse:
    action, note = _action(request, pk)
    remedies.cancel(action, note=note, by=request.user, now=timezone.now())
    return redirect("nonconformance", action.nonconformance.number)


def _action(request: PersonRequest, pk: int) -> tuple[CorrectiveAction, str]:
    rows = CorrectiveAction.objects.select_related("nonconformance")
    action = get_object_or_404(rows, pk=pk)
    return action, filled_in(forms.NoteForm(request.POST), named=True)["note"]
