"""What people typed into a form, or one sentence on what is wrong with it."""

from typing import Any

from django import forms

from qms.lifecycle import Refused


def filled_in(form: forms.Form, *, named: bool = False) -> dict[str, Any]:
    """Refused with all that is wrong, in one line; ``named``: each fault after its field's label."""
    if form.is_valid():
        return form.cleaned_data
    wrong: Any = form.errors.get_json_data()
    told = [(name, one["message"]) for name, faults in wrong.items() for one in faults]
    raise Refused(" ".join(_label(form, name) * named + message for name, message in told))


def _label(form: forms.Form, name: str) -> str:
    return f"{form[name].label}: " if name in form.fields else ""
