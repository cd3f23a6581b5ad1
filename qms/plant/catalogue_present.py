"""What a catalogue's rows meet in the house: read once, so that a row costs no query to look up."""

from collections.abc import Mapping
from typing import Any

from qms.lifecycle import Refused
from qms.plant.actions import mark, readable
from qms.plant.catalogue_rows import PARENT, Row, path_of, words_of
from qms.plant.changes import Reference
from qms.plant.models import DefectType, Line, Product, Site, Station


class Missing(Refused):
    """What a row is in is neither in the file nor in the house."""


class Present:
    """Every site, line, station, product and defect type by kind and path."""

    def __init__(self) -> None:
        lines = Line.objects.select_related("site")
        stations = Station.objects.select_related("line__site")
        types = DefectType.objects.select_related("product")
        self._rows: dict[tuple[str, str], Any] = {
            **{("site", site.code): site for site in Site.objects.all()},
            **{("line", f"{line.site.code}/{line.code}"): line for line in lines},
            **{("station", station.code): station for station in stations},
            **{("product", product.code): product for product in Product.objects.all()},
            **{("defect_type", f"{one.product.code}/{one.code}"): one for one in types},
        }
        self._types: dict[str, int] = {}  # how many a product has
        for one in types:
            self._types[one.product.code] = self._types.get(one.product.code, 0) + 1

    def find(self, row: Row) -> tuple[Reference, Mapping[str, Any]]:
        """The row as it is in the house, or a new one, and the words to store in it."""
        found = self._rows.get((row.kind, path_of(row)))
        if row.kind == "site":
            return found or Site(code=row.code), row.words
        if row.kind == "product":
            return found or Product(code=row.code), row.words
        inside = self.holder(row)
        if row.kind == "line":
            return found or Line(site=inside, code=row.code), row.words
        if row.kind == "station":
            return found or Station(code=row.code), {"line": inside, **row.words}
        return (found, row.words) if found else self._new_type(inside, row)

    def holder(self, row: Row) -> Any:
        kind = PARENT[row.kind]
        if (kind, row.of) not in self._rows:
            raise Missing(
                f"There is no {words_of(kind)} {row.of}: add it to this file, or set it up first."
            )
        return self._rows[kind, row.of]

    def _new_type(self, product: Product, row: Row) -> tuple[DefectType, Mapping[str, Any]]:
        """One that says nothing of it gets a name, a colour and a shape as the house gives."""
        words = {"name": readable(row.code), **mark(self._types.get(row.of, 0)), **row.words}
        return DefectType(product=product, code=row.code), words

    def keep(self, row: Row, stored: Reference) -> None:
        if (row.kind, path_of(row)) not in self._rows and row.kind == "defect_type":
            self._types[row.of] = self._types.get(row.of, 0) + 1
        self._rows[row.kind, path_of(row)] = stored
