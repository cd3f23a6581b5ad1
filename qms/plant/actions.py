"""What happens to reference data."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.plant.models import DefectType, Line, Product, Site, Station
from qms.plant.recipes import Recipe

# Okabe-Ito, strongest first: told apart by colour-blind people too.
COLOURS = ["#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442"]


def check_codes(product: str, *, defect_types: list[str]) -> None:
    """ValidationError if this cannot be the code of a product, or these not of defect types."""
    Product(code=product).full_clean(validate_unique=False)
    longest = DefectType._meta.get_field("code").max_length or 0
    for name in defect_types:
        if len(name) > longest:
            raise ValidationError(f"The defect type {name} has more than {longest} letters.")


@transaction.atomic
def ensure_product(
    code: str, *, defect_types: list[str], now: datetime, **rules: float | None
) -> Product:
    """The product of this code with at least these defect types; ``rules`` are of a new one."""
    check_codes(code, defect_types=defect_types)
    product, _ = Product.objects.get_or_create(code=code)
    for number, name in enumerate(defect_types):
        DefectType.objects.get_or_create(
            product=product,
            code=name,
            defaults={"name": readable(name), "colour": COLOURS[number % len(COLOURS)]},
        )
    if Recipe.current_for(product) is None:
        publish_recipe(product, now=now, by=None, reason="first recipe", **rules)
    return product


def readable(code: str) -> str:
    """missing_hole -> Missing hole."""
    words = code.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


@transaction.atomic
def ensure_station(code: str) -> Station:
    """A station of this code, on a first line of a first site if it is new."""
    if found := Station.objects.filter(code=code).first():
        return found
    site, _ = Site.objects.get_or_create(code="main", defaults={"name": "Main site"})
    line, _ = Line.objects.get_or_create(site=site, code="1")
    return Station.objects.create(line=line, code=code)


@transaction.atomic
def publish_recipe(
    product: Product, *, by: User | None, now: datetime, reason: str, **rules: float | None
) -> Recipe:
    """The next version: what it does not name is as in the present one."""
    Product.objects.select_for_update().get(pk=product.pk)  # numbers have no gap and no twin
    present = Recipe.current_for(product)
    kept = {name: getattr(present, name) for name in _RULES} if present else {}
    recipe = Recipe.objects.create(
        product=product,
        number=present.number + 1 if present else 1,
        reason=reason,
        published_at=now,
        published_by=by,
        **{**kept, **rules},
    )
    event = catalogue.RecipePublished(recipe_id=recipe.pk, product=product.code)
    outbox.publish(event, now=now, actor=str(by) if by else outbox.SYSTEM)
    return recipe


_RULES = ("mm_per_px", "audit_share")
