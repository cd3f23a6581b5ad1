"""A product, its defect types, its questions and its recipes."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from qms.accounts.http import PersonRequest
from qms.accounts.roles import EVERYONE, has_role, role_required
from qms.lifecycle import Refused
from qms.plant import actions, changes, forms, questions
from qms.plant.history import Step, versions_of
from qms.plant.models import DefectType, Product, Station
from qms.plant.recipes import QuestionSet, Recipe
from qms.plant.views import EDITORS

_SHOWN = 100  # versions on a page


@require_GET
@role_required(*EVERYONE)
def product(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Product, code=code)
    own = Recipe.objects.filter(product=found).exclude(station=None)
    context = {
        "product": found,
        "defect_types": found.defect_types.all(),
        "golden": found.golden_pictures.filter(retired_at=None),
        "questions": questions.current(found),
        "recipe": Recipe.current_for(found),
        "own": own.order_by("station__code", "-number").distinct("station__code"),
        "versions": versions_of(found)[:6],
        "may_change": has_role(request.user, *EDITORS),
    }
    return render(request, "plant/product.html", context)


# --- defect types ---


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def defect_types(request: PersonRequest, code: str) -> HttpResponse:
    """The table that is edited as a whole: stored as a whole, or not at all."""
    found = get_object_or_404(Product, code=code)
    table = forms.defect_types(found, request.POST or None)
    if request.method == "POST" and table.is_valid():
        try:
            touched = actions.save_defect_types(
                found,
                _rows(found, table),
                by=request.user,
                now=timezone.now(),
                seen=request.POST.get("seen", ""),
            )
        except changes.ChangedMeanwhile:
            raise  # to the table as it is now
        except Refused as error:
            messages.error(request, str(error))
        else:
            many = "s" if touched != 1 else ""
            messages.success(request, f"{touched} defect type{many} of {found} changed.")
            return redirect("plant-product", code)
    seen = request.POST.get("seen", "") or changes.fingerprint(*found.defect_types.all())
    return render(
        request, "plant/defect_types.html", {"product": found, "table": table, "seen": seen}
    )


def _rows(product: Product, table: Any) -> list[tuple[DefectType, dict[str, Any] | None]]:
    known = {row.pk: row for row in product.defect_types.all()}
    rows: list[tuple[DefectType, dict[str, Any] | None]] = []
    for form in table:
        if not form.cleaned_data or (not form.initial.get("pk") and not form.has_changed()):
            continue
        row = known.get(form.initial.get("pk")) or DefectType(product=product)
        gone = form.cleaned_data["remove"]
        if row.pk or not gone:
            rows.append((row, None if gone else form.words()))
    return rows


# --- questions ---


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def publish_questions(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Product, code=code)
    present = questions.current(found)
    rows = forms.question_rows(present, request.POST or None)
    if request.method == "POST" and rows.is_valid():
        asked = [
            form.question()
            for form in rows
            if form.cleaned_data and not form.cleaned_data["remove"]
        ]
        seen = request.POST.get("seen", "")
        try:
            made = questions.publish(
                found,
                asked,
                by=request.user,
                now=timezone.now(),
                seen=int(seen) if seen.isdecimal() and len(seen) < 10 else None,
            )
        except changes.ChangedMeanwhile:
            raise  # to the questions as they are now
        except Refused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Version {made.number} of the questions is published.")
            return redirect("plant-questions", code)
    seen = request.POST.get("seen", "") or str(present.number if present else 0)
    context = {"product": found, "rows": rows, "present": present, "seen": seen}
    return render(request, "plant/publish_questions.html", context)


@require_GET
@role_required(*EVERYONE)
def question_sets(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Product, code=code)
    sets = QuestionSet.objects.filter(product=found).select_related("published_by")
    context = {
        "product": found,
        "sets": sets.order_by("-number")[:_SHOWN],
        "recipe": Recipe.current_for(found),
        "may_change": has_role(request.user, *EDITORS),
    }
    return render(request, "plant/questions.html", context)


# --- recipes ---


@dataclass(frozen=True)
class Published:
    """A recipe beside the one that it was made from."""

    recipe: Recipe
    before: Recipe | None
    steps: list[Step]
    current: bool


@require_GET
@role_required(*EVERYONE)
def recipes(request: PersonRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Product, code=code)
    rows = Recipe.objects.filter(product=found).select_related(
        "station", "published_by", "question_set", "signature"
    )
    context = {
        "product": found,
        "versions": _published(list(rows.order_by("number")))[::-1][:_SHOWN],
        "stations": Station.objects.order_by("code"),
        "may_change": has_role(request.user, *EDITORS),
    }
    return render(request, "plant/recipes.html", context)


def _published(rows: list[Recipe]) -> list[Published]:
    """Each with what differs: a station's first one began as the product's."""
    latest: dict[int | None, Recipe] = {}
    told = []
    for recipe in rows:
        before = latest.get(recipe.station_id) or latest.get(None)
        told.append((recipe, before, _steps(before, recipe)))
        latest[recipe.station_id] = recipe
    return [Published(r, b, steps, latest[r.station_id] is r) for r, b, steps in told]


def _steps(before: Recipe | None, after: Recipe) -> list[Step]:
    steps = []
    for name in actions.RULES:
        was, now = getattr(before, name) if before else None, getattr(after, name)
        if was != now and before is not None:
            steps.append(Step(_label(name), _said(name, was), _said(name, now)))
    return steps


_GROUPS = {"cap": "Cap: ", "cost": "Cost: ", "route": "Seen: ", "label": "Labelled: "}


def _label(name: str) -> str:
    field = forms.RecipeForm.base_fields.get(name)
    label = str(field.label) if field else name.replace("_", " ").capitalize()
    kind = "label" if name == "cap_labels_day" else name.partition("_")[0]
    group = _GROUPS.get(kind, "")
    return group + (label[:1].lower() + label[1:] if group else label)


def _said(name: str, value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_share"):
        return f"{value * 100:g} %"
    if isinstance(value, QuestionSet):
        return f"version {value.number}"
    return f"{value:g}" if isinstance(value, float) else str(value)


@require_http_methods(["GET", "POST"])
@role_required(*EDITORS)
def publish_recipe(request: PersonRequest, code: str) -> HttpResponse:
    """The next recipe of the product, or with ?station= of the product at one station."""
    found = get_object_or_404(Product, code=code)
    wanted = request.GET.get("station", "").replace("\0", "")
    station = get_object_or_404(Station, code=wanted) if wanted else None
    present = Recipe.current_for(found, station) or Recipe(product=found, number=0)
    form = forms.RecipeForm(found, present, request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = actions.publish_recipe(
            found,
            by=request.user,
            now=timezone.now(),
            reason=form.cleaned_data["reason"],
            station=station,
            seen=form.cleaned_data["seen"] or None,
            **form.rules(),
        )
        messages.success(request, f"Recipe {made.number} of {found} is published.")
        return redirect("plant-recipes", code)
    context = {"product": found, "station": station, "present": present, "form": form}
    return render(request, "plant/publish_recipe.html", context)
