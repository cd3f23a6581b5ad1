"""The human eye. The row that lives: Review."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from qms.inspections.models import Evaluation, Inspection, Verdict
from qms.lifecycle import Lifecycle
from qms.plant.models import DefectType


class Status(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLAIMED = "CLAIMED", "Claimed"
    DECIDED = "DECIDED", "Decided"


class Reason(models.TextChoices):
    """Why a person looks."""

    NOT_DECIDABLE = "NOT_DECIDABLE", "The model could not decide"
    NOT_OK = "NOT_OK", "The model found a defect"
    AUDIT = "AUDIT", "Random audit of an accepted part"


class Review(Lifecycle):
    """One look of one person at one inspection. Who and when stand or fall together."""

    TRANSITIONS: ClassVar = {
        Status.OPEN: frozenset({Status.CLAIMED}),
        Status.CLAIMED: frozenset({Status.OPEN, Status.DECIDED}),
        Status.DECIDED: frozenset({Status.CLAIMED}),
    }
    inspection = models.OneToOneField(Inspection, models.PROTECT)
    verdict = models.ForeignKey(Verdict, models.PROTECT)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    blind = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    opened_at = models.DateTimeField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    claimed_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=16, choices=Evaluation.choices, blank=True)
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)
    note = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["opened_at"],
                name="review_waiting",
                condition=~models.Q(status="DECIDED"),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="OPEN", reviewer=None, claimed_at=None)
                | (
                    ~models.Q(status="OPEN")
                    & models.Q(reviewer__isnull=False, claimed_at__isnull=False)
                ),
                name="a_claim_has_a_name_and_a_date",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_at=None, decision="")
                | (models.Q(decided_at__isnull=False, status="DECIDED") & ~models.Q(decision="")),
                name="a_decision_has_a_date",
            ),
            models.CheckConstraint(
                condition=models.Q(defect_type=None) | models.Q(decision="NOT_OK"),
                name="only_a_rejected_part_has_a_defect_type",
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"

    @property
    def outcome(self) -> str:
        """The model's verdict against the person's: the four words of the measurement system."""
        if not self.decision:
            return ""
        flagged = self.verdict.evaluation != Evaluation.OK
        if self.decision == Evaluation.NOT_OK:
            return "true defect" if flagged else "escape"
        if self.decision == Evaluation.OK:
            return "false call" if flagged else "confirmed ok"
        return "unclear"
