"""What the pages of the review send, as the actions take it."""

from typing import Any

from django import forms
from django.http import QueryDict

from qms.inspections.models import Evaluation
from qms.lifecycle import Refused
from qms.plant.models import DefectType
from qms.review.actions import LONGEST_NOTE, Said
from qms.review.models import Review

_ANSWERS = (Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE)


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[(e, e.label) for e in _ANSWERS])
    defect_type = forms.ModelChoiceField(DefectType.objects.filter(active=True), required=False)
    note = forms.CharField(max_length=LONGEST_NOTE, required=False)
    seconds = forms.FloatField(min_value=0, required=False)


class DoubtForm(forms.Form):
    why = forms.CharField(max_length=500)


def doubt_of(data: QueryDict) -> str:
    """What is in doubt, in a person's words. Refused: one sentence."""
    form = DoubtForm(data)
    if not form.is_valid():
        raise Refused("Say what is in doubt, in 1 to 500 letters.")
    return str(form.cleaned_data["why"])


def decision_of(data: QueryDict, review: Review) -> dict[str, Any]:
    """The words of ``actions.decide``. Refused: one sentence."""
    form = DecisionForm(data)
    if not form.is_valid():
        raise Refused(
            f"Decide OK, not OK or not decidable; a note has at most {LONGEST_NOTE:,} letters."
        )
    answer = form.cleaned_data
    findings = _findings(data, review)
    # A type that was chosen before the mind changed is no part of an acceptance.
    rejected = answer["decision"] == Evaluation.NOT_OK
    answer["defect_type"] = (answer["defect_type"] or _first_type(findings)) if rejected else None
    return {**answer, "findings": findings}


def _findings(data: QueryDict, review: Review) -> list[Said]:
    """``finding-2=yes`` or ``no``, and ``finding-2-type``; what is left open is not sent."""
    words = {name: value for name, value in data.items() if name.startswith("finding-")}
    if not words:
        return []
    types = {str(t.pk): t for t in DefectType.objects.filter(product=review.product_id)}
    said = []
    for finding in review.verdict.findings.select_related("defect_type").defer("counts"):
        answer = words.get(f"finding-{finding.number}")
        if answer in ("yes", "no"):
            chosen = types.get(str(words.get(f"finding-{finding.number}-type")))
            kind = chosen or finding.defect_type
            said.append(Said(finding=finding, is_defect=answer == "yes", defect_type=kind))
    return said


def _first_type(findings: list[Said]) -> DefectType | None:
    return next((one.defect_type for one in findings if one.is_defect and one.defect_type), None)
