"""How the desk and Label Studio get along: connection, projects, what waits, who rang."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import role_required
from qms.labels import actions, checkup, desk, queues
from qms.labels.models import Desk, LabelTask, Ring, Status, StudioProject
from qms.labels.rules import KEEPERS

_RINGS = 12
_STUCK = 12


@require_GET
@role_required(*KEEPERS)
def sync(request: PersonRequest) -> HttpResponse:
    stuck = LabelTask.objects.filter(status__in=(Status.WANTED, Status.FAILED))
    context = {
        "connected": desk.is_there(),
        "desk": Desk.objects.first(),
        "projects": _projects(),
        "counts": queues.counts(),
        "stuck": queues.listed(stuck).order_by("status", "wanted_at")[:_STUCK],
        "rings": Ring.objects.order_by("-pk")[:_RINGS],
        "states": Status.choices,
        "now": timezone.now(),
    }
    return render(request, "labels/sync.html", context)


def _projects() -> list[dict[str, Any]]:
    """Newest of each product first, each with its tasks by state in the order of their life."""
    rows = LabelTask.objects.order_by().values_list("project", "status").annotate(n=Count("pk"))
    tasks = {(project, status): n for project, status, n in rows}
    projects = StudioProject.objects.select_related("product").defer("schema", "config")
    return [
        {
            "project": one,
            "link": queues.link_of_project(one),
            "tasks": [
                (value, label, tasks[one.pk, value])
                for value, label in Status.choices
                if (one.pk, value) in tasks
            ],
        }
        for one in projects.order_by("product__code", "-number")
    ]


@require_GET
@role_required(*KEEPERS)
def checks(request: PersonRequest) -> HttpResponse:
    """Asked for by the page once it is there: a Label Studio that is slow holds up nothing else."""
    response = render(request, "labels/checks.html", {"checks": checkup.checks()})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@role_required(*KEEPERS)
def look(request: PersonRequest) -> HttpResponse:
    actions.look_now(by=request.user, now=timezone.now())
    messages.success(request, "A look is on its way: what it finds is shown here in a moment.")
    return redirect("labels-sync")
