"""One picture of one part. The row that lives: Inspection; Verdict and Finding are facts."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.inspections import enrolments  # noqa: F401 - Django looks for its rows here
from qms.lifecycle import Lifecycle
from qms.partitions import key_beside, new_key
from qms.plant.models import DefectType, Lot, LotStatus, Part, Product, Station
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion

# Cameras count from 1970; beyond the other end nobody's calendar can show a time.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


class Status(models.TextChoices):
    SUBMITTED = "SUBMITTED", "Waiting for a verdict"
    JUDGED = "JUDGED", "Judged"
    IN_REVIEW = "IN_REVIEW", "Waiting for a person"
    SETTLED = "SETTLED", "Settled"
    FAILED = "FAILED", "Could not be judged"


class Evaluation(models.TextChoices):
    """OPC UA Machine Vision's ResultEvaluation."""

    UNDEFINED = "UNDEFINED", "Undefined"
    OK = "OK", "OK"
    NOT_OK = "NOT_OK", "Not OK"
    NOT_DECIDABLE = "NOT_DECIDABLE", "Not decidable"


class Source(models.TextChoices):
    API = "api", "API"
    COMMAND = "command", "Command line"
    FOLDER = "folder", "Watched folder"
    DEMO = "demo", "Demo line"
    IMPORT = "import", "Imported with its labels"


class Inspection(Lifecycle):
    """What was asked, and what holds now.

    ``evaluation`` is the present answer: the model's, until a person says otherwise; the model's
    own words stay in its Verdict. ``captured_at`` is what the camera claims, ``received_at`` is
    our clock.
    """

    SLICED = True
    TRANSITIONS: ClassVar = {
        Status.SUBMITTED: frozenset({Status.JUDGED, Status.FAILED}),
        Status.FAILED: frozenset({Status.JUDGED}),
        Status.JUDGED: frozenset({Status.IN_REVIEW, Status.SETTLED}),
        Status.IN_REVIEW: frozenset({Status.SETTLED}),
        Status.SETTLED: frozenset({Status.IN_REVIEW}),
    }
    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    product = models.ForeignKey(Product, models.PROTECT)
    part = models.ForeignKey(Part, models.PROTECT, null=True)
    lot = models.ForeignKey(Lot, models.PROTECT, null=True)
    station = models.ForeignKey(Station, models.PROTECT, null=True)
    external_id = models.CharField(max_length=128, blank=True)
    source = models.CharField(max_length=16, choices=Source.choices)
    is_simulated = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.SUBMITTED)
    evaluation = models.CharField(
        max_length=16, choices=Evaluation.choices, default=Evaluation.UNDEFINED
    )
    score = models.FloatField(null=True)
    picture_key = models.CharField(max_length=255)
    picture_sha256 = models.CharField(max_length=64)
    picture_name = models.CharField(max_length=255, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    captured_at = models.DateTimeField()
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["product", "-id"], name="inspection_product"),
            models.Index(fields=["evaluation", "-id"], name="inspection_evaluation"),
            models.Index(fields=["station", "-id"], name="inspection_station"),
            models.Index(
                fields=["status", "id"],
                name="inspection_open",
                condition=~models.Q(status="SETTLED"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status="SUBMITTED", evaluation__in=["OK", "NOT_OK"]),
                name="no_evaluation_before_a_verdict",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="SETTLED") | models.Q(settled_at__isnull=False),
                name="settled_has_a_date",
            ),
            models.CheckConstraint(
                condition=models.Q(captured_at__gte=EARLIEST, captured_at__lt=LATEST),
                name="captured_in_our_time",
            ),
        ]

    def __str__(self) -> str:
        return f"inspection {self.pk}"

    @property
    def upright_key(self) -> str:
        """The one canonical upright file, free of metadata: all coordinates are in its frame."""
        return f"{self.picture_key.rsplit('.', 1)[0]}.upright"

    @property
    def is_held(self) -> bool:
        """Its lot is on hold, and so is every part of it, whatever its own verdict."""
        return self.lot is not None and self.lot.status == LotStatus.HELD

    @property
    def serial(self) -> str:
        return self.part.serial if self.part else ""


class SubmissionKey(models.Model):
    """The sender's own id of a submission. One plain table: it must be unique over all months.

    A fact: what an id stands for never changes.
    """

    scope = models.CharField(max_length=32, blank=True)  # the station's code, or empty
    external_id = models.CharField(max_length=128)
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64)  # of all that the sender said

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(fields=["scope", "external_id"], name="one_submission_per_id")
        ]


class Verdict(models.Model):
    """What one model said of one inspection. A fact.

    Its key is made of the inspection's and the model's: the primary key itself is the rule "one
    verdict per model".
    """

    SLICED = True
    id = models.UUIDField(primary_key=True, editable=False)
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="verdicts")
    model_version = models.ForeignKey(ModelVersion, models.PROTECT)
    recipe = models.ForeignKey(Recipe, models.PROTECT, null=True)
    evaluation = models.CharField(max_length=16, choices=Evaluation.choices)
    score = models.FloatField()
    probability = models.FloatField()
    threshold_ok = models.FloatField()
    threshold_not_ok = models.FloatField()
    heatmap_key = models.CharField(max_length=255)
    description = models.TextField()
    answers = models.JSONField(default=list)
    timings_ms = models.JSONField(default=dict)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    judged_at = models.DateTimeField()

    class Meta:
        triggers = [NEVER_CHANGED]

    @staticmethod
    def key_of(inspection_id: UUID, model_version_id: int) -> UUID:
        return key_beside(inspection_id, "verdict", model_version_id)


class Finding(models.Model):
    """One suspicious region of a verdict. A fact, in pixels of the upright picture.

    ``counts`` is the exact mask as uncompressed COCO run lengths.
    """

    SLICED = True
    id = models.UUIDField(primary_key=True, editable=False)
    verdict = models.ForeignKey(Verdict, models.PROTECT, related_name="findings")
    number = models.PositiveSmallIntegerField()
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)
    candidates = models.JSONField(default=list)
    score = models.FloatField()
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    contour = models.JSONField()
    counts = models.JSONField()
    area_px = models.PositiveIntegerField()
    area_mm2 = models.FloatField(null=True)
    contrast = models.FloatField()
    elongation = models.FloatField()
    cell = models.CharField(max_length=16)

    class Meta:
        ordering = ["verdict", "number"]
        triggers = [NEVER_CHANGED]

    @staticmethod
    def key_of(verdict_id: UUID, number: int) -> UUID:
        return key_beside(verdict_id, "finding", number)
