"""An inspection in the words of the API, the same for one and for many."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qms.inspections.blindness import is_hidden
from qms.inspections.models import Evaluation, Finding, Inspection, Verdict


def with_verdicts(rows: QuerySet[Inspection]) -> QuerySet[Inspection]:
    """Rows with their verdicts and findings, in a fixed number of queries."""
    findings = Prefetch("findings", Finding.objects.select_related("defect_type"))
    verdicts = Verdict.objects.select_related("model_version", "recipe").order_by("-judged_at")
    return rows.select_related("product", "part", "lot", "station").prefetch_related(
        "reviews",
        "containments__disposition",
        Prefetch("verdicts", verdicts.prefetch_related(findings)),
    )


class FindingOutput(serializers.ModelSerializer[Finding]):
    defect_type = serializers.CharField(source="defect_type.code", default=None)
    bbox = serializers.SerializerMethodField()

    class Meta:
        model = Finding
        fields = [
            "number",
            "defect_type",
            "candidates",
            "score",
            "bbox",
            "contour",
            "area_px",
            "area_mm2",
            "contrast",
            "elongation",
            "cell",
        ]

    def get_bbox(self, finding: Finding) -> list[int]:
        return [finding.x, finding.y, finding.width, finding.height]


class VerdictOutput(serializers.ModelSerializer[Verdict]):
    model = serializers.CharField(source="model_version.number")
    model_sha256 = serializers.CharField(source="model_version.sha256")
    recipe = serializers.IntegerField(source="recipe.number", default=None)
    findings = FindingOutput(many=True)

    class Meta:
        model = Verdict
        fields = [
            "id",
            "model",
            "model_sha256",
            "recipe",
            "evaluation",
            "score",
            "probability",
            "threshold_ok",
            "threshold_not_ok",
            "description",
            "answers",
            "findings",
            "timings_ms",
            "judged_at",
        ]


class InspectionOutput(serializers.ModelSerializer[Inspection]):
    product = serializers.CharField(source="product.code")
    serial = serializers.CharField()
    lot = serializers.CharField(source="lot.number", default=None)
    station = serializers.CharField(source="station.code", default=None)
    held = serializers.SerializerMethodField()
    disposition = serializers.SerializerMethodField()
    verdicts = VerdictOutput(many=True)
    links = serializers.SerializerMethodField()

    class Meta:
        model = Inspection
        fields = [
            "id",
            "external_id",
            "product",
            "serial",
            "lot",
            "station",
            "status",
            "evaluation",
            "held",
            "disposition",
            "score",
            "width",
            "height",
            "picture_sha256",
            "captured_at",
            "received_at",
            "settled_at",
            "is_simulated",
            "error",
            "verdicts",
            "links",
        ]

    def to_representation(self, inspection: Inspection) -> dict[str, Any]:
        """Without the model's word for a person who may yet decide a blind review of it."""
        said = super().to_representation(inspection)
        request = self.context.get("request")
        if request is None or not is_hidden(inspection, request.user):
            return said
        nothing: dict[str, Any] = {"score": None, "verdicts": [], "held": None, "disposition": None}
        return {**said, **nothing, "evaluation": Evaluation.UNDEFINED}

    def get_held(self, inspection: Inspection) -> bool:
        """By its lot, whatever its own verdict; or by what was decided about it."""
        return inspection.is_held or self.get_disposition(inspection) == "hold"

    def get_disposition(self, inspection: Inspection) -> str | None:
        """What is to be done with the part, in the words of ISO 9000; none was decided: null.

        Signed in the room above; it reaches us through the inspection.
        """
        signed = [line.disposition for line in inspection.containments.all() if line.disposition]
        latest = max(signed, key=lambda one: one.pk, default=None)
        return latest.kind.lower() if latest else None

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_links(self, inspection: Inspection) -> dict[str, Any]:
        links = {"self": reverse("api-inspection", args=[inspection.pk])}
        links["page"] = reverse("inspection", args=[inspection.pk])
        for what in ("upright", "heat", "mask"):
            links[what] = reverse("api-picture", args=[inspection.pk, what])
        request = self.context.get("request")
        if request is None:
            return links
        return {name: request.build_absolute_uri(link) for name, link in links.items()}
