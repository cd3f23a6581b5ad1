"""Signed recipes, held against what was signed."""

from collections.abc import Iterator

from qms.accounts.signatures import digest
from qms.events.seal import Fault
from qms.plant.recipes import Recipe
from qms.registry.thresholds import content_of


def faults() -> Iterator[Fault]:
    signed = Recipe.objects.filter(signature__isnull=False).order_by("pk")
    for recipe in signed.select_related("product", "station", "signature").iterator():
        limits = recipe.threshold_ok, recipe.threshold_not_ok, recipe.threshold_artefact
        content = content_of(recipe.product, recipe.station, *limits)
        if recipe.signature and digest(content) != recipe.signature.digest:
            yield Fault(None, "", f"{recipe} has other thresholds than were signed")
