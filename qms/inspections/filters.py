"""The facets of inspections: one set for the page, the API and the export, so they agree."""

from datetime import datetime

import django_filters as filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from qms.inspections.blindness import told_apart
from qms.inspections.models import Evaluation, Finding, Inspection, Status
from qms.partitions import first_key, last_key
from qms.plant.models import Product, Station

_TELLING = ("evaluation", "score_min", "score_max", "defect_type")  # of the model's word


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
    after = filters.IsoDateTimeFilter(method="received_from", label="From")
    before = filters.IsoDateTimeFilter(method="received_until", label="Until")
    external_id = filters.CharFilter(label="External id")

    class Meta:
        model = Inspection
        fields: list[str] = []

    def filter_queryset(self, rows: QuerySet[Inspection]) -> QuerySet[Inspection]:
        """Who looks blind may not learn from a filter what the model said."""
        chosen: QuerySet[Inspection] = super().filter_queryset(rows)
        if not any(self.form.cleaned_data.get(name) not in (None, "", []) for name in _TELLING):
            return chosen
        return told_apart(chosen, getattr(self.request, "user", None))

    def with_defect_type(
        self, rows: QuerySet[Inspection], _name: str, code: str
    ) -> QuerySet[Inspection]:
        """A person's word, where there is one; otherwise what the model named."""
        named = Finding.objects.filter(verdict__inspection=OuterRef("pk"), defect_type__code=code)
        holds = Inspection.objects.filter(pk=OuterRef("pk"), reviews__rules=True)
        said = Exists(holds.filter(reviews__defect_type__code=code, reviews__rules=True))
        return rows.filter(Q(said) | (Q(Exists(named)) & ~Q(Exists(holds))))

    def received_from(
        self, rows: QuerySet[Inspection], _name: str, moment: datetime
    ) -> QuerySet[Inspection]:
        """By key as well, whose time is that of the arrival: only the months asked for are read."""
        return rows.filter(id__gte=first_key(moment), received_at__gte=moment)

    def received_until(
        self, rows: QuerySet[Inspection], _name: str, moment: datetime
    ) -> QuerySet[Inspection]:
        return rows.filter(id__lte=last_key(moment), received_at__lt=moment)
