"""Where and what: reference data. Each change keeps the former version (pghistory)."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from qms.facts import history
from qms.lifecycle import Lifecycle

CODE = RegexValidator(
    r"^[\w.+-]+\Z", "Use letters, digits, dots, dashes, plus signs and underscores, no spaces."
)
COLOUR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "Write the colour as #RRGGBB.")


@history()
class Site(models.Model):
    code = models.CharField(max_length=32, unique=True, validators=[CODE])
    name = models.CharField(max_length=64, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    def __str__(self) -> str:
        return self.code


@history()
class Line(models.Model):
    site = models.ForeignKey(Site, models.PROTECT, related_name="lines")
    code = models.CharField(max_length=32, validators=[CODE])
    name = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="one_line_per_code")]

    def __str__(self) -> str:
        return f"{self.site}/{self.code}"


class StationStatus(models.TextChoices):
    RUNNING = "RUNNING", "Running"
    DRAINING = "DRAINING", "Draining"
    PAUSED = "PAUSED", "Paused"


@history()
class Station(Lifecycle):
    """One camera's place. Its code is unique in the whole house: pictures name it alone.

    A paused station takes no picture; a draining one takes no new one, and is paused once all that
    it sent is settled. ``takt_seconds`` is the time that the line leaves for one part.
    """

    TRANSITIONS: ClassVar = {
        StationStatus.RUNNING: frozenset({StationStatus.DRAINING, StationStatus.PAUSED}),
        StationStatus.DRAINING: frozenset({StationStatus.RUNNING, StationStatus.PAUSED}),
        StationStatus.PAUSED: frozenset({StationStatus.RUNNING}),
    }
    line = models.ForeignKey(Line, models.PROTECT, related_name="stations")
    code = models.CharField(max_length=32, unique=True, validators=[CODE])
    name = models.CharField(max_length=64, blank=True)
    takt_seconds = models.FloatField(null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=StationStatus.choices, default=StationStatus.RUNNING
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(takt_seconds=None) | models.Q(takt_seconds__gt=0),
                name="takt_is_positive",
            )
        ]

    def __str__(self) -> str:
        return self.code


@history()
class Product(models.Model):
    """What is inspected. ``code`` is its part number."""

    code = models.CharField(max_length=64, unique=True, validators=[CODE])
    name = models.CharField(max_length=128, blank=True)
    revision = models.CharField(max_length=16, blank=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Severity(models.TextChoices):
    CRITICAL = "CRITICAL", "Critical"
    MAJOR = "MAJOR", "Major"
    MINOR = "MINOR", "Minor"


class Shape(models.TextChoices):
    """The mark beside a defect type's colour, for those who cannot tell colours apart."""

    CIRCLE = "circle", "Circle"
    SQUARE = "square", "Square"
    TRIANGLE = "triangle", "Triangle"
    DIAMOND = "diamond", "Diamond"
    CROSS = "cross", "Cross"
    STAR = "star", "Star"
    BAR = "bar", "Bar"


@history()
class DefectType(models.Model):
    """A kind of defect that a product can have. Colour and shape tell it apart on screen.

    ``alias`` is what the people of this product call it; ``raises_after`` is how many confirmed
    ones in one shift open a nonconformance (none: they never do by themselves).
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="defect_types")
    code = models.CharField(max_length=32, validators=[CODE])
    name = models.CharField(max_length=64)
    alias = models.CharField(max_length=64, blank=True)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.MAJOR)
    colour = models.CharField(max_length=7, default="#D55E00", validators=[COLOUR])
    shape = models.CharField(max_length=16, choices=Shape.choices, default=Shape.CIRCLE)
    raises_after = models.PositiveIntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["product", "code"], name="one_defect_type_per_code"),
            models.CheckConstraint(
                condition=models.Q(raises_after=None) | models.Q(raises_after__gt=0),
                name="raises_after_at_least_one",
            ),
        ]

    def __str__(self) -> str:
        return self.alias or self.name

    @property
    def is_critical(self) -> bool:
        return self.severity == Severity.CRITICAL


@history()
class GoldenPicture(models.Model):
    """What a good part of this product looks like, to compare with.

    ``key`` names the upright picture in the file store; a newer one takes its view's place.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="golden_pictures")
    view = models.CharField(max_length=32, blank=True)
    key = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["view", "-added_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "view"],
                condition=models.Q(retired_at=None),
                name="one_golden_picture_per_view",
            )
        ]

    def __str__(self) -> str:
        return f"golden picture {self.pk} of {self.product}"


class LotStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    HELD = "HELD", "On hold"
    RELEASED = "RELEASED", "Released"


@history()
class Lot(Lifecycle):
    """Parts made together. While it is on hold its parts are, whatever their own verdict."""

    TRANSITIONS: ClassVar = {
        LotStatus.OPEN: frozenset({LotStatus.HELD, LotStatus.RELEASED}),
        LotStatus.HELD: frozenset({LotStatus.OPEN, LotStatus.RELEASED}),
        LotStatus.RELEASED: frozenset({LotStatus.HELD}),
    }
    product = models.ForeignKey(Product, models.PROTECT, related_name="lots")
    number = models.CharField(max_length=64)
    size = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=LotStatus.choices, default=LotStatus.OPEN)
    reason = models.CharField(max_length=500, blank=True)  # of its present state

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "number"], name="one_lot_number")]

    def __str__(self) -> str:
        return self.number


class Part(models.Model):
    """One unit with a serial number. A part without one stays anonymous: it has no row here."""

    product = models.ForeignKey(Product, models.PROTECT)
    serial = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "serial"], name="one_serial")]
        indexes = [  # for the search by its first letters
            models.Index(fields=["serial"], opclasses=["text_pattern_ops"], name="parts_by_serial")
        ]

    def __str__(self) -> str:
        return self.serial
