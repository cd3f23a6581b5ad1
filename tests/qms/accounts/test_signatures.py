"""Signing: the password again, a reason, a meaning; and what is signed cannot change unseen."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from qms.accounts import signatures, trail
from qms.accounts.brake import MOST
from qms.accounts.models import Meaning, Signature
from qms.events.models import Event
from qms.lifecycle import Refused
from tests.factories import behind_the_triggers, person

GIVEN = {"meaning": Meaning.APPROVAL, "reason": "checked twice", "address": "here"}


def prove(by, password="a long password", **words):
    return signatures.prove(by, password, now=timezone.now(), **{**GIVEN, **words})


def test_a_signature_names_who_when_why_and_what(db):
    lea = person("lea", "lead")
    proof = prove(lea)
    signed = signatures.sign(proof, record="recipe 2", content={"a": 1, "b": 2}, now=timezone.now())
    assert (signed.printed_name, signed.meaning, signed.reason) == (
        "lea", "APPROVAL", "checked twice"
    )  # fmt: skip
    assert signed.digest == signatures.digest({"b": 2, "a": 1}) != signatures.digest({"a": 1})
    assert Event.objects.get(name="RecordSigned", actor="lea").payload["record"] == "recipe 2"


@pytest.mark.parametrize(
    ("words", "says"),
    [({"password": "guess"}, "not right"), ({"reason": "  "}, "Say why"), ({"reason": "x" * 501}, "Say why")],
)  # fmt: skip
def test_a_wrong_password_or_no_reason_signs_nothing(db, words, says):
    with pytest.raises(Refused, match=says):
        prove(person("lea"), **words)
    assert not Signature.objects.exists()


def test_the_longest_name_signs_too(db):
    lea = person("lea")
    lea.first_name, lea.last_name = "L" * 150, "A" * 150
    signed = signatures.sign(prove(lea), record="r" * 255, content={}, now=timezone.now())
    assert signed.printed_name == "L" * 150 + " " + "A" * 104


def test_guessing_is_slowed_down_here_too(db):
    lea = person("lea")
    for _ in range(MOST):
        with pytest.raises(Refused, match="not right"):
            prove(lea, "guess")
    with pytest.raises(Refused, match="Too many wrong passwords"):
        prove(lea)


def test_a_signature_is_a_fact(db):
    signatures.sign(prove(person("lea")), record="r", content={}, now=timezone.now())
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        Signature.objects.update(reason="another")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE accounts_signature SET reason = 'another'", "something else than its event"),
        ("UPDATE accounts_signature SET digest = 'x'", "something else than its event"),
        ("DELETE FROM accounts_signature", "is gone"),
        ("UPDATE events_event SET actor = 'otto' WHERE name = 'RecordSigned'", "another name"),
        ("DELETE FROM events_event WHERE name = 'RecordSigned'", "has no event"),
    ],
)
def test_a_signature_that_was_changed_behind_the_triggers_is_found(db, change, says):
    signatures.sign(prove(person("lea")), record="r", content={}, now=timezone.now())
    assert list(trail.faults()) == []
    behind_the_triggers(change)
    (fault,) = trail.faults()
    assert says in fault.what
