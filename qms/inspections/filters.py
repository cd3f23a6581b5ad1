"""The facets of inspections: one set for the page, the API and the export, so they agree."""

import django_filters as filters
from django.db.models import QuerySet

from qms.inspections.models import Evaluation, Inspection, Status
from qms.plant.models import DefectType, Product, Station


class InspectionFilter(filters.FilterSet):
    product = filters.ModelChoiceFilter(
        queryset=Product.objects.all(), to_field_name="code", label="Product"
    )
    station = filters.ModelChoiceFilter(
        queryset=Station.objects.all(), to_field_name="code", label="Station"
    )
    lot = filters.CharFilter(field_name="lot__number", label="Lot")
    serial = filters.CharFilter(field_name="part__serial", label="Serial")
    evaluation = filters.MultipleChoiceFilter(choices=Evaluation.choices, label="Evaluation")
    status = filters.MultipleChoiceFilter(choices=Status.choices, label="State")
    defect_type = filters.CharFilter(method="with_defect_type", label="Defect type")
    score_min = filters.NumberFilter(field_name="score", lookup_expr="gte", label="Score from")
    score_max = filters.NumberFilter(field_name="score", lookup_expr="lte", label="Score to")
    after = filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte", label="From")
    before = filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt", label="Until")
    external_id = filters.CharFilter(label="External id")

    class Meta:
        model = Inspection
        fields: list[str] = []

    def with_defect_type(
        self, rows: QuerySet[Inspection], _name: str, code: str
    ) -> QuerySet[Inspection]:
        """A person's word, where there is one; otherwise what the model named."""
        types = DefectType.objects.filter(code=code)
        return rows.filter(review__defect_type__in=types) | rows.filter(
            review__decided_at=None, verdicts__findings__defect_type__in=types
        )
