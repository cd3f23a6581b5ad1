"""A house with imported labels, and zips to import. Used by the tests of the exchange."""

import io
import json
import zipfile
from typing import Any

from django.utils import timezone

from labeling.exchange.picture import Category, LabelledPicture
from qms.accounts.models import User
from qms.labels import exchange, exchange_import
from qms.plant.models import Product
from tests import factories
from tests.labeling.exchange.pictures import CATEGORIES, exported, zip_of


def tile() -> Product:
    """With scratch and dent, and a model that judges them."""
    product = factories.product("tile")
    factories.model(product)
    return product


def coco_zip(*pictures: LabelledPicture, categories: tuple[Category, ...] = CATEGORIES) -> Any:
    return zip_of(exported(pictures, "coco", categories=categories))


def brought_in(
    file: Any, product: Product, *, add_types: bool = False, by: User | None = None
) -> exchange_import.Plan:
    return exchange_import.bring_in(file, "labels.zip", product=product, add_types=add_types, by=by)


def taken_out(product: Product, to: str = "coco", **asked: Any) -> dict[str, bytes]:
    """The files of an export by name."""
    chunks = exchange.chunks(exchange.Asked(product=product, **asked), to=to, now=timezone.now())
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def documents(files: dict[str, bytes]) -> dict[str, Any]:
    """The COCO documents of an export, one for all splits: lists by id."""
    found: dict[str, Any] = {"images": {}, "annotations": {}, "categories": {}}
    for name in sorted(files):
        if name.startswith("annotations/"):
            said = json.loads(files[name])
            for part in found:
                found[part] |= {one["id"]: one for one in said[part]}
    return found
