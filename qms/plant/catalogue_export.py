"""The whole catalogue as rows: what an import of it would leave unchanged."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch

from qms.plant.catalogue_rows import WORDS, Row
from qms.plant.models import Line, Product, Site, Station
from qms.plant.recipes import QuestionSet


def rows() -> Iterator[Row]:
    lines = Line.objects.order_by("code").prefetch_related(
        Prefetch("stations", Station.objects.order_by("code"))
    )
    for site in Site.objects.order_by("code").prefetch_related(Prefetch("lines", lines)):
        yield _row("site", "", site)
        for line in site.lines.all():
            yield _row("line", site.code, line)
            for station in line.stations.all():
                yield _row("station", f"{site.code}/{line.code}", station)
    newest = QuestionSet.objects.order_by("product_id", "-number").distinct("product_id")
    asked = {found.product_id: found.questions for found in newest}
    for product in Product.objects.order_by("code").prefetch_related("defect_types"):
        yield _row("product", "", product)
        for defect_type in product.defect_types.all():
            yield _row("defect_type", product.code, defect_type)
        for one in asked.get(product.pk, []):
            words = {name: one[name] for name in WORDS["question"]}
            yield Row("question", product.code, one["slot"], words)


def _row(kind: str, of: str, found: Any) -> Row:
    return Row(kind, of, found.code, {name: getattr(found, name) for name in WORDS[kind]})
