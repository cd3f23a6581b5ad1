"""The scores of a period and what people said of them, as the what-if page weighs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Avg,
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Extract, Floor

from qms.inspections.models import Evaluation, Verdict
from qms.partitions import first_key
from qms.plant.models import Product, Station
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion
from qms.reports.periods import Period
from qms.reports.whatif import SHIFT_HOURS, Judged, Looked, Production, Rules
from qms.review.models import FIRST_LOOKS, Kind, Reason, Review, Status

# Reasons to look that stay whatever the thresholds are.
ALWAYS = (Reason.CRITICAL, Reason.CONTRADICTION, Reason.NEW_DEFECT)
MOST_LOOKED = 20_000  # the newest: more are not sent to a page
STEPS = 1000  # into which the scores of all parts are counted


@dataclass(frozen=True, kw_only=True)
class Scores:
    """``present`` are the thresholds in force; the counts tell what was left out, and why."""

    model: ModelVersion
    recipe: Recipe | None
    present: tuple[float, float] | None
    production: Production
    parts: int
    other_models: int
    unclear: int
    waiting: int
    stations_apart: Sequence[Station]


def scores_of(
    product: Product, model: ModelVersion, station: Station | None, period: Period
) -> Scores:
    """Only this model's: scores compare within one model."""
    recipe = Recipe.current_for(product, station)
    apart = [] if station else list(_with_own_recipe(product))
    looks = _looks(product, station, period).exclude(station__in=apart)
    mine = looks.filter(verdict__model_version=model)
    verdicts = _verdicts(model, station, period).exclude(inspection__station__in=apart)
    present = thresholds_in_force(model, recipe)
    decided = mine.filter(status=Status.DECIDED)
    looked, unclear = _looked(decided)
    return Scores(
        model=model,
        recipe=recipe,
        present=present,
        production=Production(
            looked=looked,
            judged=_judged(verdicts, present) if present else [],
            shifts=max(1, _shifts(verdicts)),
            rules=rules_of(recipe),
        ),
        parts=verdicts.count(),
        other_models=looks.exclude(verdict__model_version=model)
        .filter(status=Status.DECIDED)
        .count(),
        unclear=unclear,
        waiting=mine.filter(status__in=(Status.OPEN, Status.CLAIMED)).count(),
        stations_apart=apart,
    )


def thresholds_in_force(model: ModelVersion, recipe: Recipe | None) -> tuple[float, float] | None:
    """The recipe's, or else the model's own: those that its verdicts were given by."""
    if recipe and (own := recipe.thresholds_for(model.sha256)):
        return own
    verdicts = Verdict.objects.filter(model_version=model)
    calibrated = verdicts.exclude(recipe__threshold_artefact=model.sha256)
    latest = calibrated.order_by("-id").first() or verdicts.order_by("-id").first()
    return (latest.threshold_ok, latest.threshold_not_ok) if latest else None


def rules_of(recipe: Recipe | None) -> Rules:
    if recipe is None:
        return Rules()
    return Rules(
        route_not_ok=recipe.route_not_ok,
        route_uncertain=recipe.route_uncertain,
        audit_share=recipe.audit_share,
        cost_review=recipe.cost_review,
        cost_false_call=recipe.cost_false_call,
        cost_escape=recipe.cost_escape,
    )


def _with_own_recipe(product: Product) -> QuerySet[Station]:
    """What is published for the product does not reach these."""
    own = Recipe.objects.filter(product=product, station=OuterRef("pk"))
    return Station.objects.filter(Exists(own))


def _looks(product: Product, station: Station | None, period: Period) -> QuerySet[Review]:
    """What chance or routing sent to a person."""
    rows = Review.objects.filter(
        product=product,
        kind__in=FIRST_LOOKS,
        inspection_id__gte=first_key(period.since),
        inspection_id__lt=first_key(period.until),
    )
    return rows.filter(station=station) if station else rows


def _verdicts(model: ModelVersion, station: Station | None, period: Period) -> QuerySet[Verdict]:
    """By key, which carries the time of arrival: only the months asked for are read."""
    rows = Verdict.objects.filter(
        model_version=model,
        id__gte=first_key(period.since),
        id__lt=first_key(period.until),
    )
    return rows.filter(inspection__station=station) if station else rows


def _looked(decided: QuerySet[Review]) -> tuple[list[Looked], int]:
    """By the answer that holds; and how many hold none that says good or bad."""
    holds = Review.objects.filter(inspection=OuterRef("inspection"), rules=True)
    rows = decided.annotate(truth=Subquery(holds.values("decision")[:1])).order_by("-pk")
    told = rows.values_list("verdict__score", "truth", "kind", "probability", "reason")
    found = list(told[:MOST_LOOKED])
    clear = [row for row in found if row[1] in (Evaluation.OK, Evaluation.NOT_OK)]
    return [_one(*row) for row in clear], len(found) - len(clear)


def _one(score: float, truth: str, kind: str, probability: float | None, reason: str) -> Looked:
    """A part that a rule sent stands for itself, one drawn for an audit for all that were not."""
    weight = 1 / probability if kind == Kind.AUDIT and probability else 1.0
    return Looked(score, truth == Evaluation.NOT_OK, weight, reason in ALWAYS)


def _judged(verdicts: QuerySet[Verdict], present: tuple[float, float]) -> list[Judged]:
    """Counted in ``STEPS`` of the scale, never across a present threshold: those stay exact."""
    scale = verdicts.aggregate(low=Min("score"), high=Max("score"))
    if scale["low"] is None:
        return []
    step = (scale["high"] - scale["low"]) / STEPS or 1.0
    looks = Review.objects.filter(inspection=OuterRef("inspection"), kind__in=FIRST_LOOKS)
    rows = (
        verdicts.annotate(
            step=Floor(_number((F("score") - Value(scale["low"])) / Value(step))),
            always=Exists(looks.filter(reason__in=ALWAYS)),
            from_ok=_reaches(present[0]),
            from_not_ok=_reaches(present[1]),
        )
        .values("step", "always", "from_ok", "from_not_ok")
        .annotate(parts=Count("pk"), mean=Avg("score"))
        .order_by("step", "from_ok", "from_not_ok", "always")
    )
    return [Judged(row["mean"], row["parts"], row["always"]) for row in rows]


def _reaches(threshold: float) -> Case:
    return Case(
        When(Q(score__gte=threshold), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def _shifts(verdicts: QuerySet[Verdict]) -> int:
    """In how many stretches of eight hours something was judged; idle ones do not count."""
    seconds = Value(float(SHIFT_HOURS * 3600))
    shift = Floor(_number(Extract("inspection__received_at", "epoch") / seconds))
    return verdicts.annotate(shift=shift).aggregate(n=Count("shift", distinct=True))["n"] or 0


def _number(expression: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(expression, output_field=FloatField())
