"""The review station: one part before one person, and what that person does."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import REVIEWERS, role_required
from qms.review import actions, station
from qms.review.forms import decision_of, doubt_of
from qms.review.models import Review


@require_GET
@role_required(*REVIEWERS)
def part(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(station.with_details(Review.objects.all()), pk=pk)
    now = timezone.now()
    context = station.shown(review, request.user, now=now, since=midnight(now))
    return render(request, "review/station.html", context)


def midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


@require_POST
@role_required(*REVIEWERS)
def take_next(request: PersonRequest) -> HttpResponse:
    return _on_to_the_next(request, "Nothing else is waiting for you.")


@require_POST
@role_required(*REVIEWERS)
def claim(request: PersonRequest, pk: int) -> HttpResponse:
    """Take this part; ``leave`` names the one in hand, which goes back to the queue."""
    review, now = get_object_or_404(Review, pk=pk), timezone.now()
    if leave := request.POST.get("leave", ""):
        left = get_object_or_404(
            Review, pk=int(leave) if leave.isdecimal() and len(leave) < 19 else 0
        )
        actions.go(left, review, by=request.user, now=now)
    else:
        actions.claim(review, by=request.user, now=now)
    return redirect("review", pk)


@require_POST
@role_required(*REVIEWERS)
def release(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(Review.objects.select_related("reviewer"), pk=pk)
    actions.release(review, by=request.user, now=timezone.now())
    return redirect("review-queue")


@require_POST
@role_required(*REVIEWERS)
def beat(request: PersonRequest, pk: int) -> JsonResponse:
    """The page is alive. ``mine`` is false once the part has gone to other hands."""
    review = get_object_or_404(Review, pk=pk)
    mine = actions.beat(review, by=request.user, now=timezone.now())
    return JsonResponse({"mine": mine})


@require_POST
@role_required(*REVIEWERS)
def decide(request: PersonRequest, pk: int) -> HttpResponse:
    """The person's answer, and straight on to the next part."""
    review = get_object_or_404(station.with_details(Review.objects.all()), pk=pk)
    answer = decision_of(request.POST, review)
    actions.decide(review, by=request.user, now=timezone.now(), **answer)
    return _on_to_the_next(request, "Decided. Nothing else is waiting for you.")


@require_POST
@role_required(*REVIEWERS)
def undo(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(station.with_details(Review.objects.all()), pk=pk)
    actions.undo(review, by=request.user, now=timezone.now())
    return redirect("review", pk)


@require_POST
@role_required(*REVIEWERS)
def second_opinion(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(station.with_details(Review.objects.all()), pk=pk)
    why = doubt_of(request.POST)
    actions.ask_second_opinion(review, by=request.user, now=timezone.now(), why=why)
    messages.success(request, "Asked: a lead will look at this part.")
    return redirect("review", pk)


@require_POST
@role_required(*REVIEWERS)
def correction(request: PersonRequest, pk: int) -> HttpResponse:
    review = get_object_or_404(Review, pk=pk)
    actions.want_correction(review, by=request.user, now=timezone.now())
    messages.success(request, "Sent to an annotator. Go on with your own answer.")
    return redirect("review", pk)


def _on_to_the_next(request: PersonRequest, nothing: str) -> HttpResponse:
    following = actions.take_next(by=request.user, now=timezone.now())
    if following:
        return redirect("review", following.pk)
    messages.success(request, nothing)
    return redirect("review-queue")
