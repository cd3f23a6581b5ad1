"""A brake on guessing passwords: so many failures of one name from one address, then a pause.

It counts the two together, so nobody can lock a colleague out from another machine.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from qms.accounts.models import SignInFailure

MOST, WITHIN = 10, timedelta(minutes=15)


def address_of(request: HttpRequest) -> str:
    """Who asks; behind a proxy of ours, who asked the proxy."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
    asked = forwarded if settings.BEHIND_TLS and forwarded else request.META.get("REMOTE_ADDR")
    return str(asked or "unknown")[:64]


def is_on(name: str, address: str, *, now: datetime) -> bool:
    return _recent(name, address, now).count() >= MOST


def note_failure(name: str, address: str, *, now: datetime) -> None:
    """Count it, and forget what no longer counts for anybody."""
    SignInFailure.objects.filter(at__lt=now - WITHIN).delete()
    SignInFailure.objects.create(name=_kept(name), address=address, at=now)


def forget(name: str, address: str) -> None:
    SignInFailure.objects.filter(name=_kept(name), address=address).delete()


def _recent(name: str, address: str, now: datetime) -> QuerySet[SignInFailure]:
    rows = SignInFailure.objects.filter(name=_kept(name), address=address)
    return rows.filter(at__gt=now - WITHIN)


def _kept(name: str) -> str:
    return name.strip().casefold().replace("\0", "")[:150]
