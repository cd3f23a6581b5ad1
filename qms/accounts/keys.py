"""API keys: made, shown once, kept as a hash, checked on each call."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from qms.accounts.models import ApiKey, Scope, User
from qms.accounts.roles import scopes_of
from qms.events import catalogue, outbox
from qms.lifecycle import Refused

LONGEST_NAME = 64
_MARK = "andon"
_NOTE_USE_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue(*, name: str, scopes: list[str], by: User, now: datetime) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can show again."""
    if not scopes or set(scopes) - set(Scope.values):
        raise Refused(f"Give the key one or more of the scopes: {', '.join(Scope.values)}.")
    if lacking := set(scopes) - scopes_of(by):
        raise Refused(
            f"You may not do this yourself: {', '.join(sorted(lacking))}. Ask an administrator."
        )
    _check_name(name)
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name, prefix=prefix, digest=_digest(secret), scopes=scopes, issued_at=now, issued_by=by
    )
    event = catalogue.KeyIssued(key_id=key.pk, name=name, scopes=scopes)
    outbox.publish(event, now=now, actor=str(by))
    return key, f"{_MARK}_{prefix}_{secret}"


def _check_name(name: str) -> None:
    if not 0 < len(name.strip()) <= LONGEST_NAME or "\0" in name:
        raise Refused(f"Name the key with 1 to {LONGEST_NAME} letters.")


@transaction.atomic
def revoke(key: ApiKey, *, by: User, now: datetime) -> None:
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        raise Refused("This key is revoked already.")
    event = catalogue.KeyRevoked(key_id=key.pk, name=key.name)
    outbox.publish(event, now=now, actor=str(by))


def find(text: str, *, now: datetime) -> ApiKey | None:
    """The valid key of this text. The hash is compared in constant time."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    key = ApiKey.objects.filter(prefix=prefix).first() if mark == _MARK else None
    if key is None or not hmac.compare_digest(key.digest, _digest(secret)):
        return None
    if not key.is_valid(now):
        return None
    _note_use(key, now)
    return key


def _digest(secret: str) -> str:
    # 256 random bits need no slow hash; a fast one keeps the ingest door quick.
    return hashlib.sha256(secret.encode()).hexdigest()


def _note_use(key: ApiKey, now: datetime) -> None:
    """At most once a minute, so that a busy line does not write this row at each picture."""
    if key.last_used_at is None or key.last_used_at < now - _NOTE_USE_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
