"""The facets of the labelling desk: the list is an address."""

from typing import Any

import django_filters as filters
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from qms.inspections.blindness import told_apart
from qms.inspections.models import Inspection
from qms.labels.models import Annotation, LabelTask, Reason, Status
from qms.plant.models import Product

_TELLING = ("reason", "order")  # of the model's word


class Order(models.TextChoices):
    URGENT = "urgent", "Most urgent first"
    OLDEST = "oldest", "Oldest first"


_BY: dict[str, tuple[str, ...]] = {
    Order.URGENT: ("-urgency", "wanted_at", "pk"),
    Order.OLDEST: ("wanted_at", "pk"),
}


class LabelTaskFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Status.choices, label="State")
    reason = filters.MultipleChoiceFilter(choices=Reason.choices, label="Why")
    product = filters.ModelChoiceFilter(
        queryset=Product.objects.all(), to_field_name="code", label="Product"
    )
    person = filters.CharFilter(method="with_person", label="Corrected by")
    after = filters.IsoDateTimeFilter(field_name="wanted_at", lookup_expr="gte", label="From")
    before = filters.IsoDateTimeFilter(field_name="wanted_at", lookup_expr="lt", label="Until")
    text = filters.CharFilter(method="with_text", label="Text")
    order = filters.ChoiceFilter(choices=Order.choices, method="in_order", label="Order")

    class Meta:
        model = LabelTask
        fields: list[str] = []

    def filter_queryset(self, rows: QuerySet[LabelTask]) -> QuerySet[LabelTask]:
        """Who looks blind may not learn from a filter what the model said."""
        chosen: QuerySet[LabelTask] = super().filter_queryset(rows)
        said = self.form.cleaned_data
        if any(said.get(name) for name in _TELLING if said.get(name) != Order.OLDEST):
            return told(chosen, self._reader)
        return chosen

    @property
    def _reader(self) -> Any:
        return getattr(self.request, "user", None)

    def with_person(self, rows: QuerySet[LabelTask], _name: str, who: str) -> QuerySet[LabelTask]:
        theirs = Annotation.objects.filter(label_task=OuterRef("pk"), person_name=who)
        return rows.filter(Exists(theirs))

    def with_text(self, rows: QuerySet[LabelTask], _name: str, text: str) -> QuerySet[LabelTask]:
        """Of the serial, the lot, the error, or what a person wrote of the picture."""
        part = Q(inspection__part__serial__icontains=text)
        named = rows.filter(part | Q(inspection__lot__number__icontains=text))
        wrote = Annotation.objects.filter(label_task=OuterRef("pk"), description__icontains=text)
        said = told(rows.filter(Q(error__icontains=text) | Exists(wrote)), self._reader)
        keys = [some.order_by().values("pk") for some in (named, said)]
        return rows.filter(Q(pk__in=keys[0]) | Q(pk__in=keys[1]))

    def in_order(self, rows: QuerySet[LabelTask], _name: str, order: str) -> QuerySet[LabelTask]:
        return rows.order_by(*_BY[order])


def told(rows: QuerySet[LabelTask], person: Any) -> QuerySet[LabelTask]:
    """Rows that may be chosen or put in order by what the model said, for this person."""
    every = Inspection.objects.all()
    apart = told_apart(every, person)
    return rows if apart is every else rows.filter(inspection__in=apart.order_by().values("pk"))
