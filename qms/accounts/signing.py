"""The form under which a person signs: a reason, and the password once more."""

from django import forms
from django.utils import timezone

from qms.accounts import brake, signatures
from qms.accounts.http import PersonRequest
from qms.accounts.models import Meaning
from qms.filled_in import filled_in


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


def proof_of(request: PersonRequest, form: SigningForm, *, meaning: Meaning) -> signatures.Proof:
    """The proof for an action that signs. Refused: a sentence, and nothing was changed.

    Checking a password is slow on purpose: call this before the transaction.
    """
    words = filled_in(form)
    return signatures.prove(
        request.user,
        words["password"],
        meaning=meaning,
        reason=words["reason"],
        address=brake.address_of(request),
        now=timezone.now(),
    )
