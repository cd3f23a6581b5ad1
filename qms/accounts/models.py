"""People and machines that sign in."""

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from qms.facts import NEVER_CHANGED, NEVER_EMPTIED, history


@history(exclude=["password", "last_login"])
class User(AbstractUser):
    """A person. Roles are groups (qms.accounts.roles)."""


class Scope(models.TextChoices):
    INGEST = "ingest", "Send pictures"
    READ = "read", "Read results"
    ADMIN = "admin", "Everything"


@history(exclude=["last_used_at"])
class ApiKey(models.Model):
    """A machine's key. Only its hash is kept; the key itself is shown once."""

    name = models.CharField(max_length=64)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices))
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(User, models.PROTECT)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def opens(self, scope: str) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class SignInFailure(models.Model):
    """One wrong password, for as long as it counts against its name at its address."""

    name = models.CharField(max_length=150)
    address = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["name", "address", "at"], name="sign_in_failures")]


class Meaning(models.TextChoices):
    """What a signature says (21 CFR 11.50)."""

    AUTHORSHIP = "AUTHORSHIP", "I wrote this"
    REVIEW = "REVIEW", "I have reviewed this"
    APPROVAL = "APPROVAL", "I approve this"
    RESPONSIBILITY = "RESPONSIBILITY", "I take responsibility for this"


class Signature(models.Model):
    """A person's name under one record, with the password given again. A fact.

    ``digest`` is the SHA-256 of what was signed, so a later change of it shows.
    """

    person = models.ForeignKey(User, models.PROTECT, related_name="signatures")
    printed_name = models.CharField(max_length=255)
    meaning = models.CharField(max_length=16, choices=Meaning.choices)
    reason = models.CharField(max_length=500)
    record = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    class Meta:
        triggers = [NEVER_CHANGED, NEVER_EMPTIED]

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.get_meaning_display()}"
