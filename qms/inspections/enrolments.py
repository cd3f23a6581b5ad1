"""A product on its way to its first model, or to its next. The row that lives: Enrolment."""

import hashlib
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from qms.accounts.models import Signature
from qms.lifecycle import Lifecycle
from qms.plant.models import Product
from qms.registry.models import ModelVersion


class Phase(models.TextChoices):
    COLLECTING = "COLLECTING", "Collecting pictures"
    FITTING = "FITTING", "Being fitted"
    READY = "READY", "Ready to be activated"
    ACTIVATED = "ACTIVATED", "Activated"
    FAILED = "FAILED", "Could not be fitted"
    CANCELLED = "CANCELLED", "Fit cancelled"


class Stage(models.TextChoices):
    """Where a fit is."""

    WAITING = "WAITING", "Waiting for a worker"
    FETCHING = "FETCHING", "Fetching the pictures"
    LEARNING = "LEARNING", "Learning what is normal"
    WRITING = "WRITING", "Setting thresholds and writing the artefact"


class Enrolment(Lifecycle):
    """What is normal, as pictures of good parts; how it is learnt; and what came of it.

    - ``run`` counts the fits: what an older one still has to say is not heard.
    - ``done`` of ``total`` is the present stage; ``progress_at`` is when a worker last spoke.
    - ``fitted_on`` names the pictures of the candidate, to tell whether they are still the same.
    - ``calibration`` are the scores of the held-out normals, ascending.
    """

    TRANSITIONS: ClassVar = {
        Phase.COLLECTING: frozenset({Phase.FITTING}),
        Phase.FITTING: frozenset({Phase.READY, Phase.FAILED, Phase.CANCELLED}),
        Phase.READY: frozenset({Phase.FITTING, Phase.ACTIVATED, Phase.COLLECTING}),
        Phase.FAILED: frozenset({Phase.FITTING, Phase.COLLECTING}),
        Phase.CANCELLED: frozenset({Phase.FITTING, Phase.COLLECTING}),
    }
    product = models.ForeignKey(Product, models.PROTECT, related_name="enrolments")
    status = models.CharField(max_length=16, choices=Phase.choices, default=Phase.COLLECTING)
    begun_at = models.DateTimeField()
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    detector = models.CharField(max_length=32, default="memory")
    backbone = models.CharField(max_length=255, default="builtin")
    size = models.PositiveIntegerField(default=256)
    promise_rate = models.FloatField(null=True)
    run = models.PositiveIntegerField(default=0)
    fit_at = models.DateTimeField(null=True)
    fit_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    progress_at = models.DateTimeField(null=True)
    message = models.TextField(blank=True)
    candidate = models.ForeignKey(ModelVersion, models.PROTECT, null=True, related_name="+")
    fitted_on = models.CharField(max_length=64, blank=True)
    fitted_at = models.DateTimeField(null=True)
    fit_seconds = models.FloatField(null=True)
    threshold_ok = models.FloatField(null=True)
    threshold_not_ok = models.FloatField(null=True)
    calibration = models.JSONField(default=list)
    activated_at = models.DateTimeField(null=True)
    signature = models.ForeignKey(Signature, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product"],
                condition=~Q(status="ACTIVATED"),
                name="one_enrolment_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["READY", "ACTIVATED"]) | Q(candidate__isnull=False),
                name="ready_has_a_candidate",
            ),
            models.CheckConstraint(
                condition=Q(signature=None, activated_at=None) & ~Q(status="ACTIVATED")
                | Q(status="ACTIVATED", signature__isnull=False, activated_at__isnull=False),
                name="activated_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"The enrolment of {self.product}"

    @property
    def pictures_digest(self) -> str:
        """One name for the set of pictures that is there now."""
        names = self.pictures.order_by("sha256").values_list("sha256", flat=True)
        return hashlib.sha256(" ".join(names).encode()).hexdigest()

    @property
    def is_stale(self) -> bool:
        """Were pictures added or removed since the fit?"""
        return self.status == Phase.READY and self.fitted_on != self.pictures_digest

    @classmethod
    def open_of(cls, product: Product) -> "Enrolment | None":
        rows = cls.objects.filter(product=product).exclude(status=Phase.ACTIVATED)
        return rows.select_related("product", "candidate", "fit_by", "begun_by").first()


class EnrolmentPicture(models.Model):
    """A picture of a good part, as it was dropped. ``score`` is how odd the last fit found it."""

    enrolment = models.ForeignKey(Enrolment, models.CASCADE, related_name="pictures")
    key = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    score = models.FloatField(null=True)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["enrolment", "sha256"], name="a_picture_counts_once")
        ]

    def __str__(self) -> str:
        return self.name or self.sha256[:12]
