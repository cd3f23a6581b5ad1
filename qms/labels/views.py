"""The labelling desk: what waits, what came back, what failed; and sending a picture there."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, Role, has_role, role_required
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Inspection
from qms.labels import actions, desk, pictures, queues
from qms.labels.filters import LabelTaskFilter, Order
from qms.labels.models import Annotation, LabelTask, Reason, Status
from qms.labels.rules import KEEPERS, READERS, SENDERS
from qms.lifecycle import Refused
from qms.plant.models import Product

PAGE = 50
AT_ONCE = 500  # tried again by one press
_NEXT = 4  # shown of one's queue


@require_GET
@role_required(*READERS)
def index(request: PersonRequest) -> HttpResponse:
    facets, found = _found(request)
    pages, failed = _pages(found)
    context = {
        **(_of_person(request) if has_role(request.user, Role.ANNOTATOR) else {}),
        "page": pages.get_page(request.GET.get("page")),
        "facets": facets,
        "any_filter": any(name in facets.filters and value for name, value in request.GET.items()),
        "counts": queues.counts(),
        "failed_here": failed,
        "at_once": AT_ONCE,
        "connected": desk.is_there(),
        "trouble": queues.trouble(),
        "keeper": has_role(request.user, *KEEPERS),
        "products": Product.objects.all(),
        "states": Status.choices,
        "reasons": Reason.choices,
        "orders": Order.choices,
        "people": _people(),
        "now": timezone.now(),
    }
    return render(request, "labels/index.html", context)


def _found(request: PersonRequest) -> tuple[LabelTaskFilter, QuerySet[LabelTask]]:
    rows = LabelTask.objects.order_by("-wanted_at", "-pk")
    facets = LabelTaskFilter(request.GET, rows, request=request)
    return facets, facets.qs if facets.is_valid() else rows.none()


def _pages(found: QuerySet[LabelTask]) -> tuple[Paginator[LabelTask], int]:
    """And how many of all that were found failed: counted by one question."""
    failed = Count("pk", filter=Q(status=Status.FAILED))
    counted = found.order_by().aggregate(all=Count("pk"), failed=failed)
    pages = Paginator(queues.listed(found), PAGE)
    pages.count = counted["all"]
    return pages, counted["failed"]


def _failed(found: QuerySet[LabelTask]) -> QuerySet[LabelTask]:
    return found.filter(status=Status.FAILED)


def _people() -> QuerySet[Annotation, str]:
    names = Annotation.objects.exclude(person_name="").order_by("person_name")
    return names.values_list("person_name", flat=True).distinct()


@require_GET
@role_required(Role.ANNOTATOR)
def mine(request: PersonRequest) -> HttpResponse:
    """The moving part of an annotator's home, which asks for it every few seconds."""
    response = render(request, "labels/mine.html", _of_person(request))
    response["Cache-Control"] = "no-store"
    return response


def _of_person(request: PersonRequest) -> dict[str, Any]:
    return {
        "queue": list(queues.listed(queues.queue_of(request.user))[: _NEXT + 1]),
        "came_back": queues.came_back(request.user),
        "connected": desk.is_there(),
        "now": timezone.now(),
    }


@require_POST
@role_required(*KEEPERS)
def retry(request: PersonRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(LabelTask, pk=pk)
    actions.retry(task, by=request.user, now=timezone.now())
    messages.success(request, "It is tried again.")
    return redirect("labels-sync" if request.POST.get("back") == "sync" else _desk(request))


@require_POST
@role_required(*KEEPERS)
def retry_all(request: PersonRequest) -> HttpResponse:
    """All that failed under the filters of the address; what somebody else tried is passed over."""
    facets, found = _found(request)
    if not facets.is_valid():
        raise Refused("A filter was not understood, so nothing was tried again: mend it first.")
    tried = sum(_retried(task, request) for task in _failed(found)[:AT_ONCE])
    messages.success(request, f"{tried} {'is' if tried == 1 else 'are'} tried again.")
    return redirect(_desk(request))


def _retried(task: LabelTask, request: PersonRequest) -> bool:
    try:
        actions.retry(task, by=request.user, now=timezone.now())
    except Refused:
        return False
    return True


def _desk(request: PersonRequest) -> str:
    """The list under the same filters."""
    chosen = request.GET.urlencode()
    return reverse("labels") + (f"?{chosen}" if chosen else "")


@require_POST
@role_required(*SENDERS)
def send(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Send a picture to the annotators by hand."""
    inspection = get_object_or_404(Inspection.objects.prefetch_related("reviews"), pk=pk)
    if is_hidden(inspection, request.user):
        raise Refused("This part waits for a blind check: send it once that is decided.")
    why = f"{request.user} chose it by hand."
    actions.want(
        inspection, reason=Reason.BY_HAND, why=why, now=timezone.now(), actor=str(request.user)
    )
    messages.success(request, "It is on its way to the annotators.")
    return redirect("inspection", pk)


@require_GET
@role_required(*EVERYONE)
def picture(request: PersonRequest, pk: int, which: str) -> HttpResponse:
    """What a person drew, or how it differs from the model; facts, so browsers may keep them."""
    rows = Annotation.objects.select_related("inspection", "label_task__verdict")
    annotation = get_object_or_404(rows.prefetch_related("inspection__reviews"), pk=pk)
    if is_hidden(annotation.inspection, request.user):
        raise PermissionDenied("Hidden until the blind check of this part is decided.")
    response = HttpResponse(_bytes_of(annotation, which), content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _bytes_of(annotation: Annotation, which: str) -> bytes:
    if which == "regions":
        return pictures.regions(annotation)
    if which not in pictures.SIDES:
        raise Http404
    task = annotation.label_task
    latest = annotation.inspection.verdicts.order_by("-judged_at")
    return pictures.side(annotation, task.verdict if task else latest.first(), which)
