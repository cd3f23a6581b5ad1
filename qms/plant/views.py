"""The plant at a glance, its parts, and the history of each thing in it."""

from typing import Any, cast

from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, Role, has_role, role_required
from qms.lifecycle import Refused
from qms.plant import actions, changes
from qms.plant.changes import KINDS, Reference
from qms.plant.history import versions_of
from qms.plant.models import Line, Part, Product, Site, Station, StationStatus
from qms.plant.recipes import Recipe

EDITORS = (Role.ADMIN, Role.LEAD, Role.MANAGER)
MOVERS = (*EDITORS, Role.INSPECTOR)
_PARTS = 50

# What each button of a station does, in the words of the line.
MOVES: dict[str, tuple[str, str]] = {
    StationStatus.RUNNING: ("Run", "It takes pictures."),
    StationStatus.DRAINING: (
        "Drain",
        "It takes no new picture; once all that it sent is settled, it pauses by itself.",
    ),
    StationStatus.PAUSED: (
        "Pause",
        "It takes no picture from now on; what it sent is judged all the same.",
    ),
}


@require_GET
@role_required(*EVERYONE)
def overview(request: PersonRequest) -> HttpResponse:
    products = _products()
    context = {
        "sites": _sites(),
        "products": products,
        "stations": Station.objects.count(),
        "may_change": has_role(request.user, *EDITORS),
    }
    return render(request, "plant/overview.html", context)


def _sites() -> QuerySet[Site]:
    lines = Line.objects.order_by("code").prefetch_related("stations")
    return Site.objects.order_by("code").prefetch_related(Prefetch("lines", lines))


def _products() -> list[dict[str, Any]]:
    """Each product with its counts, and the recipe that holds where no station has its own."""
    counted = Product.objects.annotate(
        types=Count("defect_types", Q(defect_types__active=True), distinct=True)
    )
    newest = Recipe.objects.filter(station=None).order_by("product_id", "-number")
    recipes = {r.product_id: r for r in newest.distinct("product_id")}
    own = Recipe.objects.exclude(station=None).order_by().values_list("product_id", "station_id")
    stations = [product for product, _ in own.distinct()]
    return [
        {"row": row, "recipe": recipes.get(row.pk), "own": stations.count(row.pk)}
        for row in counted
    ]


@require_GET
@role_required(*EVERYONE)
def station(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Station.objects.select_related("line__site"), code=code)
    legal = Station.TRANSITIONS[StationStatus(found.status)]
    own = Recipe.objects.filter(station=found).order_by("product_id", "-number")
    context = {
        "station": found,
        "means": MOVES[found.status][1],
        "moves": [(to, *words) for to, words in MOVES.items() if to in legal],
        "recipes": own.distinct("product_id").select_related("product"),
        "versions": versions_of(found)[:8],
        "may_move": has_role(request.user, *MOVERS),
        "may_change": has_role(request.user, *EDITORS),
    }
    return render(request, "plant/station.html", context)


@require_POST
@role_required(*MOVERS)
def move(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Station, code=code)
    to = request.POST.get("to", "")
    if to not in StationStatus.values:
        raise Refused("Choose what the station is to do: run, drain or pause.")
    actions.move_station(found, to, by=str(request.user), now=timezone.now())
    return redirect("plant-station", code)


@require_GET
@role_required(*EVERYONE)
def parts(request: PersonRequest) -> HttpResponse:
    """Parts whose serial number begins with what was typed."""
    serial = request.GET.get("serial", "").strip().replace("\0", "")
    found = Part.objects.filter(serial__startswith=serial).select_related("product")
    rows = list(found.order_by("serial", "product")[: _PARTS + 1]) if serial else []
    context = {
        "serial": serial,
        "rows": rows[:_PARTS],
        "more": len(rows) > _PARTS,
        "any": bool(rows) or Part.objects.exists(),
    }
    return render(request, "plant/parts.html", context)


@require_GET
@role_required(*EVERYONE)
def history(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    row = _row(kind, pk)
    context = {"kind": changes.kind_of(row), "row": row, "versions": versions_of(row)}
    return render(request, "plant/history.html", context)


@require_POST
@role_required(*EDITORS)
def remove(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    row = _row(kind, pk)
    changes.remove(row, by=request.user, now=timezone.now())
    return redirect("plant")


def _row(kind: str, pk: int) -> Reference:
    model = KINDS.get(kind.replace("-", " "))
    if model is None:
        raise Http404(f"There is no kind {kind}.")
    row: Any = get_object_or_404(model._default_manager.all(), pk=pk)
    return cast(Reference, row)
