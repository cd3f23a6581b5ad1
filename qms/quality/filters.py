"""The facets of nonconformances and of lots: each list is an address."""

import django_filters as filters
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from qms.plant.models import Lot, LotStatus, Product, Severity
from qms.quality.models import CorrectiveAction, Nonconformance, Status
from qms.quality.remedies import overdue


def late() -> Exists:
    """Is an action of this nonconformance overdue?"""
    actions = CorrectiveAction.objects.filter(overdue(timezone.localdate()))
    return Exists(actions.filter(nonconformance=OuterRef("pk")))


class NonconformanceFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Status.choices, label="State")
    severity = filters.MultipleChoiceFilter(choices=Severity.choices, label="Severity")
    product = filters.ModelChoiceFilter(
        queryset=Product.objects.all(), to_field_name="code", label="Product"
    )
    lot = filters.CharFilter(field_name="lot__number", label="Lot")
    station = filters.CharFilter(field_name="station__code", label="Station")
    overdue = filters.BooleanFilter(method="with_overdue", label="Overdue")

    class Meta:
        model = Nonconformance
        fields: list[str] = []

    def with_overdue(
        self, rows: QuerySet[Nonconformance], _name: str, wanted: bool
    ) -> QuerySet[Nonconformance]:
        return rows.filter(late()) if wanted else rows.exclude(late())


class LotFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=LotStatus.choices, label="State")
    product = filters.ModelChoiceFilter(
        queryset=Product.objects.all(), to_field_name="code", label="Product"
    )
    number = filters.CharFilter(field_name="number", lookup_expr="icontains", label="Number")

    class Meta:
        model = Lot
        fields: list[str] = []
