"""What happens to reference data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from qms.accounts.models import Signature, User
from qms.events import catalogue, outbox
from qms.facts import changed_by
from qms.lifecycle import Refused
from qms.plant import changes
from qms.plant.changes import Change, Who
from qms.plant.models import (
    DefectType,
    GoldenPicture,
    Line,
    Lot,
    LotStatus,
    Product,
    Shape,
    Site,
    Station,
    StationStatus,
)
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
def save_product(
    product: Product,
    words: Mapping[str, Any],
    *,
    by: Who,
    now: datetime,
    seen: str | None = None,
    **rules: Any,
) -> Change:
    """Store a product; a new one gets its first recipe, with these ``rules``."""
    change = changes.save(product, words, by=by, now=now, seen=seen)
    if change.what == changes.ADDED:
        publish_recipe(product, now=now, by=changes.person_of(by), reason="first recipe", **rules)
    return change


@transaction.atomic
def save_defect_types(
    product: Product,
    rows: Sequence[tuple[DefectType, Mapping[str, Any] | None]],
    *,
    by: Who,
    now: datetime,
    seen: str,
) -> int:
    """Store a product's table of defect types; None instead of words takes one away.

    All or none of it. Returns how many were touched.
    """
    Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    if changes.fingerprint(*product.defect_types.all()) != seen:
        raise changes.ChangedMeanwhile(
            f"Someone changed the defect types of {product} while you were at it. "
            "Nothing was stored: look at the new ones and change them again."
        )
    touched = 0
    for row, words in rows:
        if words is None:
            changes.remove(row, by=by, now=now)
            touched += 1
        else:
            change = changes.save(row, words, by=by, now=now)
            touched += change.what != changes.UNCHANGED
    return touched


@transaction.atomic
def ensure_product(code: str, *, defect_types: list[str], now: datetime, **rules: Any) -> Product:
    """The product of this code with at least these defect types; ``rules`` are of a new one."""
    check_codes(code, defect_types=defect_types)
    product = Product.objects.filter(code=code).first() or Product(code=code)
    if not product.pk:
        save_product(product, {}, by=None, now=now, **rules)
    known = set(product.defect_types.values_list("code", flat=True))
    for number, name in enumerate(defect_types):
        if name not in known:
            words = {"name": readable(name), **mark(number)}
            changes.save(DefectType(product=product, code=name), words, by=None, now=now)
    if Recipe.current_for(product) is None:
        publish_recipe(product, now=now, by=None, reason="first recipe", **rules)
    return product


def mark(number: int) -> dict[str, str]:
    """Colour and shape of a product's n-th defect type."""
    shapes = list(Shape.values)
    return {"colour": COLOURS[number % len(COLOURS)], "shape": shapes[number % len(shapes)]}


def readable(code: str) -> str:
    """missing_hole -> Missing hole."""
    words = code.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


@transaction.atomic
def ensure_station(code: str, *, now: datetime | None = None) -> Station:
    """A station of this code, on a first line of a first site if it is new."""
    if found := Station.objects.filter(code=code).first():
        return found
    now = now or timezone.now()
    site = Site.objects.filter(code="main").first() or Site(code="main", name="Main site")
    if not site.pk:
        changes.save(site, {}, by=None, now=now)
    line = Line.objects.filter(site=site, code="1").first() or Line(site=site, code="1")
    if not line.pk:
        changes.save(line, {}, by=None, now=now)
    station = Station(line=line, code=code)
    changes.save(station, {}, by=None, now=now)
    return station


@transaction.atomic
def publish_recipe(
    product: Product,
    *,
    by: User | None,
    now: datetime,
    reason: str,
    station: Station | None = None,
    seen: int | None = None,
    **rules: Any,
) -> Recipe:
    """The next version: what it does not name is as in the present one of product and station.

    ``seen`` is the number of the recipe that its author looked at, if it was a person.
    """
    Product.objects.select_for_update(no_key=True).get(
        pk=product.pk
    )  # numbers have no gap and no twin
    present = Recipe.current_for(product, station)
    if seen is not None and (present is None or present.number != seen):
        raise changes.ChangedMeanwhile(
            f"Someone published another recipe of {product} while you were at it. "
            "Nothing was published: look at it and begin from there."
        )
    kept = {name: getattr(present, name) for name in RULES} if present else {}
    latest = Recipe.objects.filter(product=product).order_by("-number").first()
    recipe = Recipe.objects.create(
        product=product,
        station=station,
        number=latest.number + 1 if latest else 1,
        reason=reason,
        published_at=now,
        published_by=by,
        **{**kept, **rules},
    )
    event = catalogue.RecipePublished(
        recipe_id=recipe.pk, product=product.code, number=recipe.number, reason=reason
    )
    outbox.publish(event, now=now, actor=str(by) if by else outbox.SYSTEM)
    return recipe


# All that a recipe rules; the rest says when, why and by whom.
RULES = tuple(
    field.name
    for field in Recipe._meta.concrete_fields
    if field.name.startswith(("route_", "label_", "cap_", "cost_", "threshold_"))
    or field.name in ("mm_per_px", "audit_share", "repeat_share", "question_set")
)


@transaction.atomic
def add_golden_picture(
    product: Product,
    *,
    key: str,
    sha256: str,
    size: tuple[int, int],
    view: str,
    by: User,
    now: datetime,
) -> GoldenPicture:
    """This is what a good part looks like from this view; the former one retires."""
    Product.objects.select_for_update(no_key=True).get(
        pk=product.pk
    )  # of two at once, the later one holds
    with changed_by(str(by)):
        present = GoldenPicture.objects.filter(product=product, view=view, retired_at=None)
        present.update(retired_at=now)
        golden = GoldenPicture.objects.create(
            product=product,
            view=view,
            key=key,
            sha256=sha256,
            width=size[0],
            height=size[1],
            added_at=now,
            added_by=by,
        )
    event = catalogue.GoldenPictureAdded(
        golden_picture_id=golden.pk, product=product.code, view=view, sha256=sha256
    )
    outbox.publish(event, now=now, actor=str(by))
    return golden


@transaction.atomic
def retire_golden_picture(golden: GoldenPicture, *, by: User, now: datetime) -> None:
    """Compare with it no longer. Refused if it is retired already."""
    present = GoldenPicture.objects.filter(pk=golden.pk, retired_at=None)
    with changed_by(str(by)):
        if present.update(retired_at=now) != 1:
            raise Refused("This golden picture is retired already.")
    event = catalogue.GoldenPictureRetired(
        golden_picture_id=golden.pk, product=golden.product.code, view=golden.view
    )
    outbox.publish(event, now=now, actor=str(by))


@transaction.atomic
def move_station(station: Station, to: str, *, by: str, now: datetime) -> None:
    """Run, drain or pause a station."""
    with changed_by(by):
        station.move(StationStatus(to))
    event = catalogue.StationMoved(station=station.code, status=to)
    outbox.publish(event, now=now, actor=by)


@transaction.atomic
def move_lot(
    lot: Lot,
    to: str,
    *,
    reason: str,
    by: User,
    now: datetime,
    signature: Signature | None = None,
) -> None:
    """Hold a lot, open it again or release it; with a reason."""
    if not reason.strip():
        raise Refused("Say why: a lot is held and released with a reason.")
    with changed_by(str(by)):
        lot.move(LotStatus(to), reason=reason.strip())
    event = catalogue.LotMoved(
        product=lot.product.code,
        lot=lot.number,
        status=to,
        reason=reason.strip(),
        signature_id=signature.pk if signature else None,
    )
    outbox.publish(event, now=now, actor=str(by))
