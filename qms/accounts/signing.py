"""The form under which a person signs: a reason, and the password once more."""

from typing import Any

from django import forms
from django.utils import timezone

from qms.accounts import brake, signatures
from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.lifecycle import Refused


class SigningForm(forms.Form):
    """Base of each form that signs; the template shows its fields by ``pieces/signing.html``."""

    reason = forms.CharField(
        label="Reason",
        max_length=signatures.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: a signature has a reason."},
    )
    password = forms.CharField(
        label="Your password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Give your password again: that is your signature."},
    )

    def sentence(self) -> str:
        """All that is wrong with it, in one line."""
        wrong: Any = self.errors.get_json_data()
        return " ".join(one["message"] for found in wrong.values() for one in found)


def proof_of(request: PersonRequest, form: SigningForm, *, meaning: Meaning) -> signatures.Proof:
    """The proof for an action that signs. Refused: a sentence, and nothing was changed.

    Checking a password is slow on purpose: call this before the transaction.
    """
    if not form.is_valid():
        raise Refused(form.sentence())
    return signatures.prove(
        request.user,
        form.cleaned_data["password"],
        meaning=meaning,
        reason=form.cleaned_data["reason"],
        address=brake.address_of(request),
        now=timezone.now(),
    )
