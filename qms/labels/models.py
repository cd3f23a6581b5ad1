"""What people correct. The row that lives: LabelTask; what people said of it are facts."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from qms.facts import NEVER_CHANGED, NEVER_EMPTIED
from qms.inspections.models import Evaluation, Finding, Inspection, Verdict
from qms.labels import imported  # noqa: F401 - Django looks for its rows here
from qms.lifecycle import Lifecycle
from qms.plant.models import DefectType, Product, Severity
from qms.review.models import Review


class Desk(models.Model):
    """Whether Label Studio answers, and when all is gone through next. A single row.

    ``error`` is the sentence that says what is wrong with it, and what to do; empty: it answers.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    next_round_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    error_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_desk")]


class StudioProject(models.Model):
    """A project in Label Studio: one product as it was labelled in one version of its schema.

    Another schema is another project; what was labelled in the former one stays readable. So is
    one that was deleted there (``gone_at``): another one takes its place.
    ``studio_id`` is empty until Label Studio has been told. ``lease`` is held by whoever speaks to
    Label Studio about it, so that nobody sends the same picture beside them.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="studio_projects")
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    schema_hash = models.CharField(max_length=64)  # of the schema and of what was made of it
    config = models.TextField()
    studio_id = models.PositiveIntegerField(null=True)
    model_version = models.CharField(max_length=128, blank=True)
    drift = models.JSONField(default=list)  # sentences: what differs in Label Studio
    gone_at = models.DateTimeField(null=True)  # it was deleted there
    looked_at = models.DateTimeField(null=True)  # all that was changed before has been read
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="one_studio_project_number"),
            models.UniqueConstraint(
                fields=["product", "schema_hash"],
                condition=Q(gone_at=None),
                name="one_studio_project_per_schema",
            ),
            # A Label Studio that begins anew counts its projects from 1 again.
            models.UniqueConstraint(
                fields=["studio_id"], condition=Q(gone_at=None), name="one_row_per_studio_project"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} labels {self.number}"


class Status(models.TextChoices):
    WANTED = "WANTED", "To be sent"
    OPEN = "OPEN", "Waiting for an annotator"
    LABELLED = "LABELLED", "Labelled, to be read"
    PULLED = "PULLED", "Corrected"
    SKIPPED = "SKIPPED", "Skipped"
    FAILED = "FAILED", "Failed"


class Reason(models.TextChoices):
    """Why a picture goes to the annotators: the first that applied."""

    ASKED = "ASKED", "An inspector asked for it"
    DISPUTED = "DISPUTED", "A person and the model disagree"
    UNCERTAIN = "UNCERTAIN", "The model could not decide"
    BY_HAND = "BY_HAND", "Chosen by hand"


class LabelTask(Lifecycle):
    """One picture before the annotators.

    - ``proposed`` is what was laid before them: what they deleted or changed is told by it.
    - ``over_cap`` was more than the recipe allows in a day: it waits behind everything else.
    - ``project`` is where it lies, or where it was last tried to be sent.
    - ``next_try_at`` is when Label Studio is to be told, while it still has to be.
    - ``unread``: something changed there, by its clock at ``studio_changed_at``.
    - ``shown_as`` is the model version under which Label Studio shows what the model said.
    """

    TRANSITIONS: ClassVar = {
        Status.WANTED: frozenset({Status.OPEN, Status.FAILED}),
        Status.OPEN: frozenset({Status.LABELLED, Status.PULLED, Status.SKIPPED, Status.FAILED}),
        Status.LABELLED: frozenset({Status.OPEN, Status.PULLED, Status.SKIPPED, Status.FAILED}),
        Status.PULLED: frozenset({Status.SKIPPED, Status.FAILED}),
        Status.SKIPPED: frozenset({Status.WANTED, Status.PULLED, Status.FAILED}),
        Status.FAILED: frozenset({Status.WANTED, Status.PULLED, Status.SKIPPED}),
    }
    inspection = models.OneToOneField(Inspection, models.PROTECT, related_name="label_task")
    product = models.ForeignKey(Product, models.PROTECT)
    verdict = models.ForeignKey(Verdict, models.PROTECT)
    review = models.ForeignKey(Review, models.PROTECT, null=True)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    why = models.JSONField(default=list)
    urgency = models.FloatField()
    over_cap = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.WANTED)
    project = models.ForeignKey(StudioProject, models.PROTECT, null=True, related_name="tasks")
    studio_id = models.PositiveIntegerField(null=True)
    studio_changed_at = models.DateTimeField(null=True)
    unread = models.BooleanField(default=False)
    shown_as = models.CharField(max_length=128, blank=True)
    proposed = models.JSONField(default=dict)
    wanted_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    labelled_at = models.DateTimeField(null=True)
    pulled_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"], name="label_task_due", condition=Q(status="WANTED")
            ),
            models.Index(fields=["project"], name="label_task_unread", condition=Q(unread=True)),
            models.Index(fields=["status", "-wanted_at"], name="label_task_status"),
            models.Index(fields=["product", "-wanted_at"], name="label_task_product"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "studio_id"], name="one_row_per_task"),
            models.CheckConstraint(
                condition=~Q(status__in=["OPEN", "LABELLED", "PULLED", "SKIPPED"])
                | Q(project__isnull=False, studio_id__isnull=False, opened_at__isnull=False),
                name="what_is_open_is_in_the_studio",
            ),
            models.CheckConstraint(
                condition=~Q(status="PULLED") | Q(pulled_at__isnull=False),
                name="what_is_pulled_has_a_date",
            ),
            models.CheckConstraint(
                condition=Q(urgency__gte=0, urgency__lte=1), name="urgency_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"label task {self.pk}"


class Ring(models.Model):
    """The doorbell rang. A fact, and only a hint: what is true is read from Label Studio.

    ``said`` is the SHA-256 of its words; numbers that it did not name stay empty.
    """

    said = models.CharField(max_length=64, unique=True)
    action = models.CharField(max_length=32)
    studio_project = models.PositiveIntegerField(null=True)
    studio_task = models.PositiveIntegerField(null=True)
    studio_annotation = models.PositiveIntegerField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]


class Source(models.TextChoices):
    STUDIO = "studio", "Label Studio"
    IMPORT = "import", "Imported file"


class Origin(models.TextChoices):
    PREDICTION = "prediction", "The model's, left as it was"
    CHANGED = "prediction-changed", "The model's, corrected"
    MANUAL = "manual", "A person's own"


class Annotation(models.Model):
    """What one person said of one picture, at one time. A fact; a later version is another row.

    ``deleted`` holds the numbers of the model's findings that the person removed.
    """

    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="annotations")
    label_task = models.ForeignKey(LabelTask, models.PROTECT, null=True, related_name="annotations")
    source = models.CharField(max_length=16, choices=Source.choices)
    studio_id = models.PositiveIntegerField(null=True)
    studio_updated_at = models.DateTimeField(null=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    person_name = models.CharField(max_length=254)
    made_at = models.DateTimeField()
    received_at = models.DateTimeField()
    seconds = models.FloatField(null=True)
    skipped = models.BooleanField(default=False)
    skip_reason = models.TextField(blank=True)
    evaluation = models.CharField(max_length=16, choices=Evaluation.choices, blank=True)
    evaluation_origin = models.CharField(max_length=24, choices=Origin.choices)
    description = models.TextField(blank=True)
    description_origin = models.CharField(max_length=24, choices=Origin.choices)
    deleted = models.JSONField(default=list)

    class Meta:
        ordering = ["-made_at", "-id"]
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(
                fields=["label_task", "studio_id", "studio_updated_at"],
                name="one_row_per_version_of_an_annotation",
            ),
            models.CheckConstraint(
                condition=Q(source="import", label_task=None)
                | Q(
                    source="studio",
                    label_task__isnull=False,
                    studio_id__isnull=False,
                    studio_updated_at__isnull=False,
                ),
                name="what_the_studio_said_names_its_task",
            ),
            models.CheckConstraint(
                condition=Q(skipped=True, evaluation="")
                | Q(skipped=False, evaluation__in=["OK", "NOT_OK", "NOT_DECIDABLE"]),
                name="a_skipped_picture_has_no_evaluation",
            ),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk}"


class LabelledRegion(models.Model):
    """One region of an annotation. A fact, in pixels of the upright picture.

    ``counts`` is the exact mask as uncompressed COCO run lengths; ``finding`` is the model's
    finding that it was made from, if any.
    """

    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="regions")
    number = models.PositiveSmallIntegerField()
    finding = models.ForeignKey(Finding, models.PROTECT, null=True, related_name="+")
    defect_type = models.ForeignKey(DefectType, models.PROTECT, null=True)
    severity = models.CharField(max_length=16, choices=Severity.choices, blank=True)
    confidence = models.PositiveSmallIntegerField(null=True)
    note = models.TextField(blank=True)
    origin = models.CharField(max_length=24, choices=Origin.choices)
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    counts = models.JSONField()
    area_px = models.PositiveIntegerField()

    class Meta:
        ordering = ["annotation", "number"]
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
        constraints = [
            models.UniqueConstraint(fields=["annotation", "number"], name="one_region_number")
        ]


class QAPair(models.Model):
    """A question, what the model answered and what the person left. A fact.

    ``slot`` is empty for a question that the person made up; ``edit_distance`` counts letters
    (Levenshtein) between the two answers, and is null where the model had said nothing.
    """

    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="answers")
    slot = models.CharField(max_length=32, blank=True)
    question = models.TextField()
    predicted = models.TextField(blank=True)
    corrected = models.TextField(blank=True)
    origin = models.CharField(max_length=24, choices=Origin.choices)
    edit_distance = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["annotation", "id"]
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]


class Doubt(models.Model):
    """A second opinion that was opened because a correction contradicts the review. A fact."""

    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="doubts")
    review = models.OneToOneField(Review, models.PROTECT, related_name="doubt")
    opened_at = models.DateTimeField()

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]
