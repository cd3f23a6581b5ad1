"""The door for machines: which products and stations there are, and a whole catalogue in."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from qms.accounts.models import Scope
from qms.plant import catalogue_import
from qms.plant.catalogue_file import LARGEST
from qms.plant.models import DefectType, Product, Station
from qms.plant.recipes import Recipe


class DefectTypeOutput(serializers.ModelSerializer[DefectType]):
    class Meta:
        model = DefectType
        fields = (
            "code",
            "name",
            "alias",
            "severity",
            "colour",
            "shape",
            "description",
            "raises_after",
            "active",
        )


class ProductOutput(serializers.ModelSerializer[Product]):
    defect_types = DefectTypeOutput(many=True)
    recipe = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ("code", "name", "revision", "recipe", "defect_types")

    def get_recipe(self, product: Product) -> int | None:
        """The number of the product's own newest recipe."""
        found: int | None = self.context["recipes"].get(product.pk)
        return found


class StationOutput(serializers.ModelSerializer[Station]):
    site = serializers.CharField(source="line.site.code")
    line = serializers.CharField(source="line.code")
    time_zone = serializers.CharField(source="line.site.time_zone")

    class Meta:
        model = Station
        fields = ("code", "name", "site", "line", "time_zone", "status", "takt_seconds")


class Products(generics.ListAPIView[Product]):
    scopes = {"GET": Scope.READ}
    serializer_class = ProductOutput
    filter_backends = []

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.prefetch_related("defect_types")

    def get_serializer_context(self) -> dict[str, Any]:
        newest = Recipe.objects.filter(station=None).order_by("product_id", "-number")
        numbers = newest.distinct("product_id").values_list("product_id", "number")
        return {**super().get_serializer_context(), "recipes": dict(numbers)}


class Stations(generics.ListAPIView[Station]):
    scopes = {"GET": Scope.READ}
    serializer_class = StationOutput
    filter_backends = []

    def get_queryset(self) -> QuerySet[Station]:
        return Station.objects.select_related("line__site")


class CatalogueInput(serializers.Serializer[Any]):
    file = serializers.FileField(
        error_messages={"required": "Send the catalogue as the file 'file' of a multipart form."}
    )
    dry_run = serializers.BooleanField(required=False, default=False)


class OutcomeOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    kind = serializers.CharField()
    code = serializers.CharField()
    what = serializers.CharField()
    fields = serializers.DictField()  # type: ignore[assignment]


class ProblemOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    sentence = serializers.CharField()


class PlanOutput(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    outcomes = OutcomeOutput(many=True)
    problems = ProblemOutput(many=True)


class Catalogue(APIView):
    scopes = {"POST": Scope.ADMIN}
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": CatalogueInput}, responses=PlanOutput)
    def post(self, request: Request) -> Response:
        """Bring in a catalogue, all or nothing. 409 with a sentence: nothing was stored."""
        form = CatalogueInput(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        data, now = file.read(LARGEST + 1), timezone.now()
        if form.validated_data["dry_run"]:
            plan = catalogue_import.dry_run(file.name, data, by=request.user, now=now)
        else:
            plan = catalogue_import.bring_in(file.name, data, by=request.user, now=now)
        return Response(PlanOutput(plan).data)
