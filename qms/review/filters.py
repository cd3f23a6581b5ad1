"""The facets of the queue and of past decisions."""

import django_filters as filters
from django.db.models import QuerySet

from qms.inspections.models import Evaluation
from qms.plant.models import Product, Station
from qms.review.models import Kind, Reason, Review


class QueueFilter(filters.FilterSet):
    product = filters.ModelChoiceFilter(queryset=Product.objects.all(), to_field_name="code")
    station = filters.ModelChoiceFilter(queryset=Station.objects.all(), to_field_name="code")
    reason = filters.ChoiceFilter(choices=Reason.choices, method="with_reason")

    class Meta:
        model = Review
        fields: list[str] = []

    def with_reason(self, rows: QuerySet[Review], _name: str, reason: str) -> QuerySet[Review]:
        """Blind looks are of no reason that may be told."""
        return rows.filter(reason=reason, blind=False)


class HistoryFilter(filters.FilterSet):
    decision = filters.ChoiceFilter(choices=Evaluation.choices)
    kind = filters.ChoiceFilter(choices=Kind.choices)
    product = filters.ModelChoiceFilter(queryset=Product.objects.all(), to_field_name="code")

    class Meta:
        model = Review
        fields: list[str] = []
