"""Signatures: the password once more, then a name, a meaning and a reason under one record."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from qms.accounts import brake
from qms.accounts.models import Meaning, Signature, User
from qms.events import catalogue, outbox
from qms.lifecycle import Refused

LONGEST_REASON = 500


@dataclass(frozen=True)
class Proof:
    """This person gave the password again, and says why. Only ``prove`` makes one."""

    person: User
    meaning: Meaning
    reason: str


def prove(
    person: User, password: str, *, meaning: Meaning, reason: str, address: str, now: datetime
) -> Proof:
    """Ask for the password once more; slow on purpose, so it stands before the transaction.

    Refused for a wrong password, for too many of them, and without a reason.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Refused(f"Say why, in 1 to {LONGEST_REASON} letters: a signature has a reason.")
    name = person.get_username()
    if brake.is_on(name, address, now=now):
        raise Refused("Too many wrong passwords: wait a quarter of an hour. Nothing was signed.")
    if not person.check_password(password):
        brake.note_failure(name, address, now=now)
        raise Refused("The password is not right: nothing was signed and nothing was changed.")
    brake.forget(name, address)
    return Proof(person, meaning, reason.strip())


@transaction.atomic
def sign(proof: Proof, *, record: str, content: dict[str, Any], now: datetime) -> Signature:
    """Write the signature beside the change that it stands under."""
    signature = Signature.objects.create(
        person=proof.person,
        printed_name=_printed(proof.person),
        meaning=proof.meaning,
        reason=proof.reason,
        record=record,
        digest=digest(content),
        signed_at=now,
    )
    event = catalogue.RecordSigned(
        signature_id=signature.pk,
        record=record,
        meaning=proof.meaning,
        reason=proof.reason,
        digest=signature.digest,
    )
    outbox.publish(event, now=now, actor=str(proof.person))
    return signature


def _printed(person: User) -> str:
    """The name as it is read, as far as the record has room for it."""
    longest = Signature._meta.get_field("printed_name").max_length
    return (person.get_full_name() or person.get_username())[:longest]


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of a record's content, whatever the order of its words."""
    text = json.dumps(content, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()
