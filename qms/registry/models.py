"""Which model judges. The row that lives: ModelVersion."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from qms.lifecycle import Lifecycle, Refused
from qms.plant.models import Product


class Status(models.TextChoices):
    CANDIDATE = "CANDIDATE", "Candidate"
    SHADOW = "SHADOW", "Shadow"
    ACTIVE = "ACTIVE", "Active"
    RETIRED = "RETIRED", "Retired"


class NoActiveModel(Refused):
    """Nobody can judge this product yet."""


class ModelVersion(Lifecycle):
    """One artefact that may judge one product. ``artefact`` is its folder under ARTEFACTS."""

    TRANSITIONS: ClassVar = {
        Status.CANDIDATE: frozenset({Status.SHADOW, Status.ACTIVE, Status.RETIRED}),
        Status.SHADOW: frozenset({Status.ACTIVE, Status.RETIRED}),
        Status.ACTIVE: frozenset({Status.RETIRED}),
        Status.RETIRED: frozenset({Status.ACTIVE}),
    }
    product = models.ForeignKey(Product, models.PROTECT, related_name="models")
    number = models.PositiveIntegerField()
    artefact = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    detector = models.CharField(max_length=32)
    backbone = models.CharField(max_length=255, blank=True)
    promise = models.TextField(blank=True)
    scorecard = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.CANDIDATE)
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.CharField(max_length=128, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="one_model_number"),
            models.UniqueConstraint(
                fields=["product"],
                condition=models.Q(status="ACTIVE"),
                name="one_active_model_per_product",
            ),
            models.CheckConstraint(
                condition=models.Q(promoted_at=None, promoted_by="")
                | (models.Q(promoted_at__isnull=False) & ~models.Q(promoted_by="")),
                name="promotion_has_a_name_and_a_date",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} model {self.number}"

    @classmethod
    def active_for(cls, product: Product) -> "ModelVersion":
        active = cls.objects.filter(product=product, status=Status.ACTIVE).first()
        if active is None:
            raise NoActiveModel(
                f"Product {product} has no active model yet: enrol it in the browser "
                f"(/plant/products/{product}/enrol/) or with 'manage.py enrol {product} FOLDER'."
            )
        return active
