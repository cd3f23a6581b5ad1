"""What happens to the part after review. The row that lives: Nonconformance."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from qms.accounts.models import Signature
from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.inspections.models import Evaluation, Inspection
from qms.lifecycle import Lifecycle
from qms.plant.models import DefectType, Lot, Product, Severity, Station
from qms.review.models import Review

PERSON = settings.AUTH_USER_MODEL


class NumberSeries(models.Model):
    """The last number of a year: whoever holds this row's lock gives the next, so none is missing."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)


class Status(models.TextChoices):
    OPEN = "OPEN", "Open"
    CONTAINED = "CONTAINED", "Contained"
    DISPOSITIONED = "DISPOSITIONED", "Dispositioned"
    CLOSED = "CLOSED", "Closed"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


LIVE = (Status.OPEN, Status.CONTAINED, Status.DISPOSITIONED)


class Scope(models.TextChoices):
    """How far the doubt reaches: which parts come on the containment list."""

    PART = "PART", "This part alone"
    LOT = "LOT", "Everything of the lot"
    STATION = "STATION", "Everything of the station since its last good part"


def _who_and_when(
    what: str, *, before: list[str], after: list[str], name: str
) -> models.CheckConstraint:
    """In the states before, neither name nor date; in the states after, both."""
    neither = {f"{what}_at": None, f"{what}_by": None}
    both = {f"{what}_at__isnull": False, f"{what}_by__isnull": False}
    condition = Q(status__in=before, **neither) | Q(status__in=after, **both)
    return models.CheckConstraint(condition=condition, name=name)


class Nonconformance(Lifecycle):
    """One case: what was found, which parts are in doubt, and what is decided about them.

    ``inspection`` is the one it was raised from; the bad parts that it rests on are its
    occurrences. Who and when of each move stand or fall together; nobody opened it if a rule did.
    """

    TRANSITIONS: ClassVar = {
        Status.OPEN: frozenset({Status.CONTAINED, Status.WITHDRAWN}),
        Status.CONTAINED: frozenset({Status.DISPOSITIONED, Status.WITHDRAWN}),
        Status.DISPOSITIONED: frozenset({Status.CONTAINED, Status.CLOSED}),
        Status.CLOSED: frozenset({Status.DISPOSITIONED}),
        Status.WITHDRAWN: frozenset({Status.OPEN}),
    }
    number = models.CharField(max_length=16, unique=True)
    scope = models.CharField(max_length=16, choices=Scope.choices)
    product = models.ForeignKey(Product, models.PROTECT)
    inspection = models.ForeignKey(Inspection, models.PROTECT, null=True, related_name="+")
    lot = models.ForeignKey(Lot, models.PROTECT, null=True, related_name="nonconformances")
    station = models.ForeignKey(Station, models.PROTECT, null=True)
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    title = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    containment = models.TextField(blank=True)
    root_cause = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    by_rule = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    contained_at = models.DateTimeField(null=True)
    contained_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    dispositioned_at = models.DateTimeField(null=True)
    dispositioned_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["product", "defect_type"],
                name="nonconformance_live",
                condition=Q(status__in=["OPEN", "CONTAINED", "DISPOSITIONED"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(by_rule=True, opened_by=None)
                | Q(by_rule=False, opened_by__isnull=False),
                name="a_rule_or_a_person_opened_it",
            ),
            _who_and_when(
                "contained",
                before=["OPEN", "WITHDRAWN"],
                after=["CONTAINED", "DISPOSITIONED", "CLOSED"],
                name="containment_has_a_name_and_a_date",
            ),
            _who_and_when(
                "dispositioned",
                before=["OPEN", "WITHDRAWN", "CONTAINED"],
                after=["DISPOSITIONED", "CLOSED"],
                name="the_disposition_has_a_name_and_a_date",
            ),
            _who_and_when(
                "closed",
                before=["OPEN", "CONTAINED", "DISPOSITIONED"],
                after=["CLOSED", "WITHDRAWN"],
                name="the_end_has_a_name_and_a_date",
            ),
            models.CheckConstraint(
                condition=Q(scope="PART", inspection__isnull=False)
                | Q(scope="LOT", lot__isnull=False)
                | Q(scope="STATION", station__isnull=False, inspection__isnull=False),
                name="its_scope_is_named",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class Standing(models.TextChoices):
    STANDS = "STANDS", "Stands"
    TAKEN_BACK = "TAKEN_BACK", "Taken back"


class Occurrence(Lifecycle):
    """One bad part that a nonconformance rests on, and the person's answer that says so.

    ``review`` is empty where a person raised it before anybody had decided.
    """

    TRANSITIONS: ClassVar = {
        Standing.STANDS: frozenset({Standing.TAKEN_BACK}),
        Standing.TAKEN_BACK: frozenset({Standing.STANDS}),
    }
    nonconformance = models.ForeignKey(Nonconformance, models.PROTECT, related_name="occurrences")
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="occurrences")
    review = models.ForeignKey(Review, models.PROTECT, null=True, related_name="+")
    status = models.CharField(max_length=16, choices=Standing.choices, default=Standing.STANDS)
    joined_at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["inspection_id"]
        constraints = [
            models.UniqueConstraint(fields=["nonconformance", "inspection"], name="joins_once"),
            models.CheckConstraint(
                condition=Q(status="STANDS", taken_back_at=None)
                | Q(status="TAKEN_BACK", taken_back_at__isnull=False),
                name="taken_back_has_a_date",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.inspection} in {self.nonconformance}"


class Kind(models.TextChoices):
    """ISO 9000's words for what may be done with a nonconforming part."""

    REWORK = "REWORK", "Rework"
    REPAIR = "REPAIR", "Repair"
    SCRAP = "SCRAP", "Scrap"
    SORT = "SORT", "Sort"
    RELEASE = "RELEASE", "Release"
    USE_AS_IS = "USE_AS_IS", "Use as is"
    REGRADE = "REGRADE", "Regrade"
    RETURN_TO_SUPPLIER = "RETURN_TO_SUPPLIER", "Return to supplier"
    HOLD = "HOLD", "Keep on hold"


class Covers(models.TextChoices):
    REST = "REST", "All parts that are not decided yet"
    ALL = "ALL", "All parts, whatever was decided before"
    ONE = "ONE", "One part"


class Disposition(models.Model):
    """What is to be done with the parts, under a signature. A fact: the latest of a part holds.

    ``parts`` is how many it covered then, and ``lines_digest`` the SHA-256 that names them (empty: by
    a release that signed their number alone); ``ruling`` is the board's word on the one part.
    """

    nonconformance = models.ForeignKey(Nonconformance, models.PROTECT, related_name="dispositions")
    kind = models.CharField(max_length=24, choices=Kind.choices)
    covers = models.CharField(max_length=8, choices=Covers.choices)
    inspection = models.ForeignKey(Inspection, models.PROTECT, null=True, related_name="+")
    parts = models.PositiveIntegerField()
    lines_digest = models.CharField(max_length=64, blank=True)
    ruling = models.CharField(max_length=16, choices=Evaluation.choices, blank=True)
    by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    signature = models.OneToOneField(Signature, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.CheckConstraint(
                condition=Q(covers="ONE", inspection__isnull=False)
                | (~Q(covers="ONE") & Q(inspection=None)),
                name="one_part_is_named",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.nonconformance})"


class Contained(models.Model):
    """One line of the containment list: frozen but for the disposition that holds for its part."""

    nonconformance = models.ForeignKey(Nonconformance, models.PROTECT, related_name="lines")
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="containments")
    number = models.PositiveIntegerField()
    evaluation = models.CharField(max_length=16, choices=Evaluation.choices)
    added_at = models.DateTimeField()
    disposition = models.ForeignKey(Disposition, models.PROTECT, null=True, related_name="lines")

    class Meta:
        ordering = ["number"]
        triggers = [
            pgtrigger.ReadOnly(name="line_is_frozen", exclude=["disposition"]),
            pgtrigger.Protect(name="line_never_deleted", operation=pgtrigger.Delete),
            NEVER_EMPTIED,
        ]
        constraints = [
            models.UniqueConstraint(fields=["nonconformance", "inspection"], name="listed_once"),
            models.UniqueConstraint(fields=["nonconformance", "number"], name="one_line_number"),
        ]


class ActionKind(models.TextChoices):
    CORRECTION = "CORRECTION", "Correction"
    CORRECTIVE = "CORRECTIVE", "Corrective action"
    PREVENTIVE = "PREVENTIVE", "Preventive action"


class ActionStatus(models.TextChoices):
    AGREED = "AGREED", "To do"
    DONE = "DONE", "Done"
    EFFECTIVE = "EFFECTIVE", "Effective"
    NOT_EFFECTIVE = "NOT_EFFECTIVE", "Not effective"
    CANCELLED = "CANCELLED", "Cancelled"


class CorrectiveAction(Lifecycle):
    """What is done so that it does not happen again. Later somebody checks whether it helped.

    A correction mends what is there, so it needs no such check and has no ``check_due``.
    """

    TRANSITIONS: ClassVar = {
        ActionStatus.AGREED: frozenset({ActionStatus.DONE, ActionStatus.CANCELLED}),
        ActionStatus.DONE: frozenset({ActionStatus.EFFECTIVE, ActionStatus.NOT_EFFECTIVE}),
    }
    nonconformance = models.ForeignKey(Nonconformance, models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=16, choices=ActionKind.choices)
    text = models.TextField()
    owner = models.ForeignKey(PERSON, models.PROTECT, related_name="corrective_actions")
    due = models.DateField()
    check_due = models.DateField(null=True)
    status = models.CharField(
        max_length=16, choices=ActionStatus.choices, default=ActionStatus.AGREED
    )
    agreed_at = models.DateTimeField()
    agreed_by = models.ForeignKey(PERSON, models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    checked_at = models.DateTimeField(null=True)
    checked_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+")
    note = models.TextField(blank=True)  # of its present state

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["due"], name="action_due", condition=Q(status="AGREED")),
            models.Index(fields=["check_due"], name="action_check_due", condition=Q(status="DONE")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="CORRECTION") | Q(check_due__isnull=False),
                name="who_prevents_checks_later",
            ),
            models.CheckConstraint(
                condition=Q(check_due=None) | Q(check_due__gte=models.F("due")),
                name="the_check_comes_after",
            ),
            _who_and_when(
                "done",
                before=["AGREED", "CANCELLED"],
                after=["DONE", "EFFECTIVE", "NOT_EFFECTIVE"],
                name="what_is_done_has_a_name_and_a_date",
            ),
            _who_and_when(
                "checked",
                before=["AGREED", "CANCELLED", "DONE"],
                after=["EFFECTIVE", "NOT_EFFECTIVE"],
                name="a_check_has_a_name_and_a_date",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
