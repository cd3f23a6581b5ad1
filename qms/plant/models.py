"""Where and what: reference data. Each change keeps the former version (pghistory)."""

from django.core.validators import RegexValidator
from django.db import models

from qms.facts import history

CODE = RegexValidator(
    r"^[\w.+-]+\Z", "Use letters, digits, dots, dashes, plus signs and underscores, no spaces."
)


@history()
class Site(models.Model):
    code = models.CharField(max_length=32, unique=True, validators=[CODE])
    name = models.CharField(max_length=64, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    def __str__(self) -> str:
        return self.code


@history()
class Line(models.Model):
    site = models.ForeignKey(Site, models.PROTECT)
    code = models.CharField(max_length=32, validators=[CODE])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="one_line_per_code")]

    def __str__(self) -> str:
        return f"{self.site}/{self.code}"


@history()
class Station(models.Model):
    """One camera's place. Its code is unique in the whole house: pictures name it alone."""

    line = models.ForeignKey(Line, models.PROTECT)
    code = models.CharField(max_length=32, unique=True, validators=[CODE])
    name = models.CharField(max_length=64, blank=True)

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


@history()
class DefectType(models.Model):
    """A kind of defect that a product can have. Colour and letter tell it apart on screen."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="defect_types")
    code = models.CharField(max_length=32, validators=[CODE])
    name = models.CharField(max_length=64)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.MAJOR)
    colour = models.CharField(max_length=7, default="#D55E00")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["product", "code"], name="one_defect_type_per_code")
        ]

    def __str__(self) -> str:
        return self.name


class Lot(models.Model):
    product = models.ForeignKey(Product, models.PROTECT)
    number = models.CharField(max_length=64)

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

    def __str__(self) -> str:
        return self.serial
