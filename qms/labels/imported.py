"""What a file called things, kept so that an export gives it back."""

from django.db import models
from django.db.models import Q

from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.inspections.models import Inspection
from qms.plant.models import DefectType, Product


class Imported(models.Model):
    """The number by which a file knew a picture, a region or a defect type. A fact.

    ``number`` is empty where another one of the product had it first: exports then give it one of
    their own. ``said`` is what else the file said of it, and no place of ours holds.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    inspection = models.OneToOneField(
        Inspection, models.PROTECT, null=True, related_name="imported"
    )
    region = models.OneToOneField(
        "labels.LabelledRegion", models.PROTECT, null=True, related_name="imported"
    )
    defect_type = models.OneToOneField(
        DefectType, models.PROTECT, null=True, related_name="imported"
    )
    number = models.BigIntegerField(null=True)
    said = models.JSONField(default=dict)

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.CheckConstraint(
                condition=Q(inspection__isnull=False, region=None, defect_type=None)
                | Q(inspection=None, region__isnull=False, defect_type=None)
                | Q(inspection=None, region=None, defect_type__isnull=False),
                name="imported_is_one_thing",
            ),
            models.UniqueConstraint(
                fields=["product", "number"],
                condition=Q(inspection__isnull=False),
                name="one_picture_per_imported_number",
            ),
            models.UniqueConstraint(
                fields=["product", "number"],
                condition=Q(region__isnull=False),
                name="one_region_per_imported_number",
            ),
            models.UniqueConstraint(
                fields=["product", "number"],
                condition=Q(defect_type__isnull=False),
                name="one_type_per_imported_number",
            ),
        ]
