"""How a product is inspected: immutable versions, so that a verdict can name the rules it met."""

from django.conf import settings
from django.db import models

from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.plant.models import Product


class Recipe(models.Model):
    """One version of a product's rules.

    ``mm_per_px`` is the scale of the camera, if known; ``audit_share`` is the part of accepted
    pictures that people see as well. The thresholds are the model's own, calibrated ones.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="recipes")
    number = models.PositiveIntegerField()
    mm_per_px = models.FloatField(null=True)
    audit_share = models.FloatField(default=0.02)
    reason = models.CharField(max_length=256, blank=True)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="one_recipe_number"),
            models.CheckConstraint(
                condition=models.Q(audit_share__gte=0, audit_share__lte=1),
                name="audit_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(mm_per_px=None) | models.Q(mm_per_px__gt=0),
                name="scale_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} recipe {self.number}"

    @classmethod
    def current_for(cls, product: Product) -> "Recipe | None":
        return cls.objects.filter(product=product).order_by("-number").first()
