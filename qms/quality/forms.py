"""What people write on the pages of this room."""

from typing import Any

from django import forms

from qms.accounts.models import User
from qms.accounts.roles import Role
from qms.accounts.signing import SigningForm
from qms.inspections.models import Evaluation
from qms.plant.models import DefectType, LotStatus, Product, Severity
from qms.quality.models import ActionKind, Covers, Kind, Scope
from qms.quality.rules import NEEDS_BOARD

LONGEST_TEXT = 4000
OWNERS = (Role.INSPECTOR, Role.LEAD, Role.MRB, Role.MANAGER, Role.INTEGRATOR, Role.ML)
RULINGS = [("", "No ruling"), *((e, e.label) for e in (Evaluation.OK, Evaluation.NOT_OK))]


def _text(label: str, *, rows: int = 3, required: bool = True) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=LONGEST_TEXT, widget=area, required=required)


def _day(label: str, *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=label, required=required, widget=forms.DateInput(attrs={"type": "date"})
    )


class RaiseForm(forms.Form):
    title = forms.CharField(label="What was found", max_length=160)
    severity = forms.ChoiceField(choices=Severity.choices)
    defect_type = forms.ModelChoiceField(
        DefectType.objects.none(), required=False, empty_label="Not known yet"
    )
    scope = forms.ChoiceField(
        label="How far does the doubt reach?", choices=Scope.choices, widget=forms.RadioSelect
    )
    description = _text("Description", rows=4, required=False)
    hold_lot = forms.BooleanField(label="Put the lot on hold at once", required=False)

    def __init__(self, *args: Any, product: Product, **words: Any) -> None:
        super().__init__(*args, **words)
        types: Any = self.fields["defect_type"]
        types.queryset = DefectType.objects.filter(product=product, active=True)


class ContainForm(forms.Form):
    text = _text("How are the parts kept apart?", required=False)


class CauseForm(forms.Form):
    root_cause = _text("Root cause", required=False)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=500)


class DispositionForm(SigningForm):
    """``board``: may this person sign concessions and rule on a part?"""

    kind = forms.ChoiceField(label="What is done with the parts")
    covers = forms.ChoiceField(label="Which parts", choices=Covers.choices)
    line = forms.IntegerField(label="Line of the part", required=False, min_value=1)
    ruling = forms.ChoiceField(label="Ruling on the part", choices=RULINGS, required=False)

    def __init__(self, *args: Any, board: bool, **words: Any) -> None:
        super().__init__(*args, **words)
        self.order_fields(["kind", "covers", "line", "ruling", "reason", "password"])
        kinds: Any = self.fields["kind"]
        kinds.choices = [one for one in Kind.choices if board or one[0] not in NEEDS_BOARD]
        if not board:
            del self.fields["ruling"]


class ActionForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=ActionKind.choices)
    text = _text("What is to be done", rows=2)
    owner = forms.ModelChoiceField(User.objects.none(), label="Who", empty_label=None)
    due = _day("Due")
    check_due = _day("Check whether it helped", required=False)

    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        owners: Any = self.fields["owner"]
        people = User.objects.filter(is_active=True, groups__name__in=OWNERS)
        owners.queryset = people.distinct().order_by("username")


class NoteForm(forms.Form):
    note = _text("Note", rows=2, required=False)


class CheckForm(NoteForm):
    """Not effective is final, so nothing stands for it but the word."""

    effective = forms.ChoiceField(
        label="Did it help?",
        choices=[("yes", "Effective"), ("no", "Not effective")],
        error_messages={"required": "Say whether it was effective or not."},
    )


class HoldForm(forms.Form):
    reason = forms.CharField(label="Why is it put on hold?", max_length=500)


class LetGoForm(SigningForm):
    to = forms.ChoiceField(
        label="What becomes of it",
        choices=[
            (LotStatus.RELEASED, "Released: it may go"),
            (LotStatus.OPEN, "Open: production goes on"),
        ],
    )
