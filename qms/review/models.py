"""The human eye. The row that lives: Review."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from qms.inspections.models import Evaluation, Finding, Inspection, Verdict
from qms.lifecycle import Lifecycle
from qms.plant.models import DefectType, Product, Station


class Status(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLAIMED = "CLAIMED", "Claimed"
    DECIDED = "DECIDED", "Decided"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


class Kind(models.TextChoices):
    """What a look is for. Only the first four settle the inspection."""

    VERIFY = "VERIFY", "Verification"
    AUDIT = "AUDIT", "Blind audit"
    SECOND_OPINION = "SECOND_OPINION", "Second opinion"
    BOARD = "BOARD", "Ruling of the board"
    REPEAT = "REPEAT", "Silent repeat"
    STUDY = "STUDY", "Agreement study"


FIRST_LOOKS = (Kind.VERIFY, Kind.AUDIT)
# Whose answer holds: the higher rank, and among equals the later one.
RANK: dict[str, int] = {Kind.VERIFY: 1, Kind.AUDIT: 1, Kind.SECOND_OPINION: 2, Kind.BOARD: 3}
BINDING = tuple(RANK)


class Reason(models.TextChoices):
    """Why a person looks: the most urgent of the rules that apply."""

    CRITICAL = "CRITICAL", "A critical defect"
    CONTRADICTION = "CONTRADICTION", "The text contradicts the picture"
    NEW_DEFECT = "NEW_DEFECT", "A defect of no known type"
    NOT_DECIDABLE = "NOT_DECIDABLE", "The model could not decide"
    NOT_OK = "NOT_OK", "The model found a defect"
    AUDIT = "AUDIT", "Random audit of an accepted part"
    UNSURE = "UNSURE", "The inspector was unsure"
    ASKED = "ASKED", "A second opinion was asked for"
    CORRECTED = "CORRECTED", "An annotator's correction contradicts the answer"
    REPEAT = "REPEAT", "A part that you judged before"
    STUDY = "STUDY", "Part of an agreement study"
    BOARD = "BOARD", "A ruling of the board"


class Priority(models.IntegerChoices):
    URGENT = 2, "Urgent"
    NORMAL = 1, "Normal"
    LATER = 0, "When nothing else waits"


class Study(models.Model):
    """The same parts before several people, several times: how far do they and the model agree?"""

    product = models.ForeignKey(Product, models.PROTECT)
    name = models.CharField(max_length=128)
    parts = models.PositiveIntegerField()
    trials = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField()
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    ended_at = models.DateTimeField(null=True)  # before all had answered

    def __str__(self) -> str:
        return self.name


class Review(Lifecycle):
    """One look of one person at one inspection. Who and when stand or fall together.

    - ``why`` are the sentences that tell the person why the part is shown.
    - ``probability`` is the chance with which a part like this one is drawn for an audit, and
      ``stratum`` the band of scores that it was drawn from: estimates weigh by its inverse.
    - ``over_cap`` waits behind everything else; it was more than the recipe lets people see.
    - ``rules`` marks the one answer that holds for the inspection.
    """

    TRANSITIONS: ClassVar = {
        Status.OPEN: frozenset({Status.CLAIMED, Status.WITHDRAWN}),
        Status.CLAIMED: frozenset({Status.OPEN, Status.DECIDED}),
        Status.DECIDED: frozenset({Status.CLAIMED}),
    }
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="reviews")
    verdict = models.ForeignKey(Verdict, models.PROTECT)
    product = models.ForeignKey(Product, models.PROTECT)
    station = models.ForeignKey(Station, models.PROTECT, null=True)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.VERIFY)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    why = models.JSONField(default=list)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    over_cap = models.BooleanField(default=False)
    blind = models.BooleanField(default=False)
    stratum = models.CharField(max_length=16, blank=True)
    probability = models.FloatField(null=True)
    of = models.ForeignKey("self", models.PROTECT, null=True, related_name="later_looks")
    study = models.ForeignKey(Study, models.PROTECT, null=True, related_name="reviews")
    trial = models.PositiveSmallIntegerField(null=True)  # of its study, from 1 on
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    opened_at = models.DateTimeField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    claimed_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=16, choices=Evaluation.choices, blank=True)
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)
    note = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)
    seconds_spent = models.FloatField(null=True)
    rules = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                F("over_cap"),
                F("priority").desc(),
                F("opened_at"),
                F("id"),
                name="review_queue",
                condition=Q(status="OPEN"),
            ),
            models.Index(fields=["status"], name="review_claimed", condition=Q(status="CLAIMED")),
            models.Index(fields=["product", "opened_at"], name="review_opened"),
            models.Index(
                F("reviewer"),
                F("decided_at").desc(),
                name="review_decided",
                condition=Q(status="DECIDED"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["OPEN", "WITHDRAWN"],
                    reviewer=None,
                    claimed_at=None,
                    heartbeat_at=None,
                )
                | (
                    Q(status__in=["CLAIMED", "DECIDED"])
                    & Q(reviewer__isnull=False, claimed_at__isnull=False)
                ),
                name="a_claim_has_a_name_and_a_date",
            ),
            models.CheckConstraint(
                condition=(~Q(status="DECIDED") & Q(decided_at=None, decision=""))
                | (Q(decided_at__isnull=False, status="DECIDED") & ~Q(decision="")),
                name="a_decision_has_a_date",
            ),
            models.CheckConstraint(
                condition=Q(defect_type=None) | Q(decision="NOT_OK"),
                name="only_a_rejected_part_has_a_defect_type",
            ),
            models.UniqueConstraint(
                fields=["inspection"],
                condition=Q(kind__in=["VERIFY", "AUDIT"]),
                name="one_first_look",
            ),
            models.UniqueConstraint(
                fields=["inspection"],
                condition=Q(kind="SECOND_OPINION", status__in=["OPEN", "CLAIMED"]),
                name="one_second_opinion_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["inspection"], condition=Q(rules=True), name="one_answer_holds"
            ),
            models.UniqueConstraint(
                fields=["study", "assigned_to", "trial", "inspection"], name="one_look_per_trial"
            ),
            models.CheckConstraint(
                condition=Q(rules=False)
                | Q(status="DECIDED", kind__in=["VERIFY", "AUDIT", "SECOND_OPINION", "BOARD"]),
                name="only_a_binding_decision_holds",
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


class FindingAnswer(models.Model):
    """What a person says of one finding, as part of a review: is it a defect, and of which type?"""

    review = models.ForeignKey(Review, models.CASCADE, related_name="finding_answers")
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="answers")
    is_defect = models.BooleanField()
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "finding"], name="one_answer_per_finding")
        ]

    def as_told(self) -> dict[str, Any]:
        """In the words of the event ReviewDecided."""
        return {
            "number": self.finding.number,
            "is_defect": self.is_defect,
            "defect_type_id": self.defect_type_id,
        }


class KeyMap(models.Model):
    """The keys that one person changed: action to key."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    keys = models.JSONField(default=dict)
