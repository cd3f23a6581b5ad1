"""The review station: the queue, one review's page, and what a person does there."""

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.models import User
from qms.accounts.roles import REVIEWERS, role_required
from qms.inspections.models import Evaluation, Finding
from qms.lifecycle import Refused
from qms.plant.models import DefectType
from qms.review import actions
from qms.review.blind import is_blind
from qms.review.models import Review, Status
from qms.review.opening import queue_of

_SHOWN = 60
_MY_LATEST = 8
_AHEAD = 3


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        choices=[(e, e.label) for e in (Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE)]
    )
    defect_type = forms.ModelChoiceField(DefectType.objects.filter(active=True), required=False)
    note = forms.CharField(max_length=1000, required=False)


@require_GET
@role_required(*REVIEWERS)
def queue(request: PersonRequest) -> HttpResponse:
    claimed, now = _claimed(), timezone.now()
    opened = _with_details(queue_of(request.user))
    context = {
        "mine": claimed.filter(reviewer=request.user),
        "open": opened[:_SHOWN],
        "others": claimed.exclude(reviewer=request.user)[:_SHOWN],
        "waiting": opened.count(),
        "oldest": opened.first(),
        "latest": _decided_by(request.user)[:_MY_LATEST],
        "undo_from": now - actions.UNDO_LASTS,
        "now": now,
    }
    return render(request, "review/queue.html", context)


@require_GET
@role_required(*REVIEWERS)
def station(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(_reviews(), pk=pk)
    now = timezone.now()
    ahead = _with_details(queue_of(request.user)).exclude(pk=pk)
    blind = is_blind(review)
    context = {
        "review": review,
        "inspection": review.inspection,
        "blind": blind,
        "verdict": None if blind else review.verdict,
        "findings": Finding.objects.none() if blind else _findings_of(review),
        "mine": review.reviewer == request.user,
        "defect_types": _types_of(review),
        "waiting": ahead.count(),
        "ahead": ahead[:_AHEAD],
        "undo_from": now - actions.UNDO_LASTS,
        "latest": _decided_by(request.user).filter(decided_at__gt=now - actions.UNDO_LASTS).first(),
        "now": now,
    }
    return render(request, "review/station.html", context)


@require_POST
@role_required(*REVIEWERS)
def claim(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(Review, pk=pk)
    actions.claim(review, by=request.user, now=timezone.now())
    return redirect("review", pk)


@require_POST
@role_required(*REVIEWERS)
def release(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(_reviews(), pk=pk)
    actions.release(review, by=request.user, now=timezone.now())
    return redirect("review-queue")


@require_POST
@role_required(*REVIEWERS)
def decide(request: PersonRequest, pk: int) -> HttpResponse:
    """The person's answer, and straight on to the next part."""
    review, now = get_object_or_404(_reviews(), pk=pk), timezone.now()
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise Refused("Decide OK, not OK or not decidable; a note has at most 1,000 letters.")
    answer = form.cleaned_data
    actions.decide(
        review,
        decision=answer["decision"],
        defect_type=_defect_type(form),
        note=answer["note"],
        by=request.user,
        now=now,
    )
    following = actions.take_next(by=request.user, now=now)
    if following:
        return redirect("review", following.pk)
    messages.success(request, "Decided. Nothing else is waiting.")
    return redirect("review-queue")


def _defect_type(form: DecisionForm) -> DefectType | None:
    """One that was chosen before the mind changed is no part of an acceptance."""
    rejected = form.cleaned_data["decision"] == Evaluation.NOT_OK
    return form.cleaned_data["defect_type"] if rejected else None


@require_POST
@role_required(*REVIEWERS)
def undo(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(_reviews(), pk=pk)
    actions.undo(review, by=request.user, now=timezone.now())
    return redirect("review", pk)


def _reviews() -> QuerySet[Review]:
    return _with_details(Review.objects.all())


def _with_details(rows: QuerySet[Review]) -> QuerySet[Review]:
    return rows.select_related(
        "inspection__product",
        "inspection__part",
        "inspection__lot",
        "inspection__station__line__site",
        "verdict__model_version__product",
        "verdict__recipe",
        "reviewer",
        "defect_type",
    )


def _claimed() -> QuerySet[Review]:
    return _reviews().filter(status=Status.CLAIMED).order_by("opened_at", "pk")


def _decided_by(person: User) -> QuerySet[Review]:
    return _reviews().filter(status=Status.DECIDED, reviewer=person).order_by("-decided_at")


def _findings_of(review: Review) -> QuerySet[Finding]:
    return review.verdict.findings.select_related("defect_type").defer("counts")


def _types_of(review: Review) -> QuerySet[DefectType]:
    return DefectType.objects.filter(product=review.inspection.product_id, active=True)
