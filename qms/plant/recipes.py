"""How a product is inspected: immutable versions, so that a verdict can name the rules it met."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from qms.accounts.models import Signature
from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.plant.models import Product, Station

SHARE = Q(audit_share__gte=0, audit_share__lte=1, repeat_share__gte=0, repeat_share__lte=1)


class QuestionSet(models.Model):
    """One version of what is asked of each picture of a product. Never changed.

    ``questions`` is a list of ``{"slot", "text", "choices"}``; without choices any words do.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="question_sets")
    number = models.PositiveIntegerField()
    questions = models.JSONField(default=list)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="one_question_set_number")
        ]

    def __str__(self) -> str:
        return f"{self.product} questions {self.number}"


class Recipe(models.Model):
    """One version of the rules of a product, or of a product at one station.

    - ``mm_per_px`` is the scale of the camera, if known.
    - ``threshold_ok`` and ``threshold_not_ok`` take the place of the model's own, calibrated ones;
      they are of the scores of one artefact (``threshold_artefact``) and hold for no other.
    - ``route_*`` say what a person sees, ``route_unsure`` what a lead sees after an inspector;
      ``audit_share`` of the accepted pictures is seen blind, ``repeat_share`` of a person's looks
      are at a part that they judged before.
    - ``cap_*`` are the most reviews that may be opened in that time; what exceeds them waits behind
      everything else. Critical defects are never capped.
    - ``label_*`` say what annotators are given of themselves: what the model could not decide, and
      what a person and the model disagree on; ``cap_labels_day`` how many of them in a day.
    - ``cost_*`` are for weighing thresholds, in any one currency.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="recipes")
    station = models.ForeignKey(Station, models.PROTECT, null=True, blank=True)
    number = models.PositiveIntegerField()
    mm_per_px = models.FloatField(null=True, blank=True)
    threshold_ok = models.FloatField(null=True, blank=True)
    threshold_not_ok = models.FloatField(null=True, blank=True)
    threshold_artefact = models.CharField(max_length=64, blank=True)
    question_set = models.ForeignKey(QuestionSet, models.PROTECT, null=True, blank=True)
    route_not_ok = models.BooleanField(default=True)
    route_uncertain = models.BooleanField(default=True)
    route_contradiction = models.BooleanField(default=True)
    route_new_defect = models.BooleanField(default=True)
    route_critical = models.BooleanField(default=True)
    route_unsure = models.BooleanField(default=True)
    audit_share = models.FloatField(default=0.02)
    repeat_share = models.FloatField(default=0.01)
    cap_minute = models.PositiveIntegerField(null=True, blank=True)
    cap_hour = models.PositiveIntegerField(null=True, blank=True)
    cap_day = models.PositiveIntegerField(null=True, blank=True)
    label_uncertain = models.BooleanField(default=True)
    label_disputed = models.BooleanField(default=True)
    cap_labels_day = models.PositiveIntegerField(null=True, blank=True)
    cost_review = models.FloatField(default=1.0)
    cost_false_call = models.FloatField(default=5.0)
    cost_escape = models.FloatField(default=100.0)
    reason = models.CharField(max_length=500, blank=True)
    signature = models.ForeignKey(Signature, models.PROTECT, null=True, blank=True)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="one_recipe_number"),
            models.CheckConstraint(condition=SHARE, name="shares_are_shares"),
            models.CheckConstraint(
                condition=Q(mm_per_px=None) | Q(mm_per_px__gt=0), name="scale_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(threshold_ok=None, threshold_not_ok=None, threshold_artefact="")
                | (Q(threshold_ok__lte=models.F("threshold_not_ok")) & ~Q(threshold_artefact="")),
                name="thresholds_come_in_pairs_and_order",
            ),
            models.CheckConstraint(
                condition=Q(cost_review__gte=0, cost_false_call__gte=0, cost_escape__gte=0),
                name="costs_are_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} recipe {self.number}"

    @classmethod
    def current_for(cls, product: Product, station: Station | None = None) -> "Recipe | None":
        """The station's own newest recipe, or else the product's newest."""
        rows = cls.objects.filter(product=product).order_by("-number")
        own = rows.filter(station=station).first() if station else None
        return own or rows.filter(station=None).first()

    def thresholds_for(self, artefact: str) -> tuple[float, float] | None:
        """Its own thresholds, if they are of this artefact's scores."""
        if self.threshold_ok is None or self.threshold_not_ok is None:
            return None
        if self.threshold_artefact != artefact:
            return None
        return self.threshold_ok, self.threshold_not_ok
