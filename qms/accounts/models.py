"""People and machines that sign in."""

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from qms.facts import history


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
