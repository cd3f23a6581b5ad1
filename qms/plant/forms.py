"""The forms of the set-up pages. They ask in people's words; the actions hold the rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from qms.plant import changes
from qms.plant.actions import COLOURS, mark
from qms.plant.models import COLOUR, DefectType, Line, Product, Severity, Shape, Site, Station
from qms.plant.questions import LONGEST_TEXT, Question
from qms.plant.recipes import QuestionSet, Recipe

# Okabe and Ito's names of COLOURS.
COLOUR_NAMES = [
    "Vermilion",
    "Blue",
    "Orange",
    "Bluish green",
    "Reddish purple",
    "Sky blue",
    "Yellow",
]
OTHER = "other"
_BLANK_ROWS = 2


def _zones() -> list[tuple[str, str]]:
    """Every zone that names a place, and UTC; what computers call themselves is none."""
    places = sorted(zone for zone in changes.zones() if "/" in zone and zone[:4] != "Etc/")
    return [(zone, zone) for zone in ("UTC", *places)]


class SiteForm(forms.ModelForm[Site]):
    time_zone = forms.ChoiceField(
        choices=_zones, initial="UTC", help_text="Times of its stations are shown in it."
    )

    class Meta:
        model = Site
        fields = ("code", "name", "time_zone")
        help_texts = {"code": "Short, such as ulm. It stays once the site has lines."}


class LineForm(forms.ModelForm[Line]):
    class Meta:
        model = Line
        fields = ("site", "code", "name")
        help_texts = {"code": "Its number or short name on this site."}


class StationForm(forms.ModelForm[Station]):
    class Meta:
        model = Station
        fields = ("line", "code", "name", "takt_seconds")
        labels = {"takt_seconds": "Takt, seconds per part"}
        help_texts = {
            "code": "Cameras send it with each picture. It stays once pictures came from it.",
            "takt_seconds": "The time that the line leaves for one part; empty if it has none.",
        }

    def clean_takt_seconds(self) -> float | None:
        takt: float | None = self.cleaned_data["takt_seconds"]
        if takt is not None and not takt > 0:
            raise forms.ValidationError("The takt is more than 0 seconds, or nothing.")
        return takt


class ProductForm(forms.ModelForm[Product]):
    class Meta:
        model = Product
        fields = ("code", "name", "revision")
        help_texts = {
            "code": "Its part number. It stays once the product has parts or a model.",
            "revision": "Of the drawing, if you keep one.",
        }


PLACES: dict[str, type[forms.ModelForm[Any]]] = {
    "site": SiteForm,
    "line": LineForm,
    "station": StationForm,
    "product": ProductForm,
}


def place_form(
    row: Site | Line | Station | Product,
    data: QueryDict | None = None,
    initial: Mapping[str, Any] | None = None,
) -> forms.ModelForm[Any]:
    """The form of a place or product; the code of what is in use is shown, not asked."""
    made = PLACES[changes.kind_of(row)](data, instance=row, initial=dict(initial or {}))
    made.label_suffix = ""
    if row.pk and not changes.may_rename(row):
        made.fields["code"].disabled = True
        made.fields["code"].help_text = "It is in use, so it stays."
    return made


class DefectTypeForm(forms.Form):
    """One row of a product's table."""

    pk = forms.IntegerField(required=False, widget=forms.HiddenInput)
    code = forms.CharField(max_length=32, validators=DefectType._meta.get_field("code").validators)
    name = forms.CharField(max_length=64)
    alias = forms.CharField(max_length=64, required=False, label="Called here")
    severity = forms.ChoiceField(choices=Severity.choices, initial=Severity.MAJOR)
    palette = forms.ChoiceField(
        choices=[*zip(COLOURS, COLOUR_NAMES, strict=True), (OTHER, "Another:")],
        widget=forms.RadioSelect,
        label="Colour",
    )
    other = forms.CharField(
        widget=forms.TextInput(attrs={"type": "color"}), validators=[COLOUR], label="Another colour"
    )
    shape = forms.ChoiceField(choices=Shape.choices)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    raises_after = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, label="Raises after"
    )
    active = forms.BooleanField(required=False, initial=True)
    remove = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.fixed = bool(self.initial.get("fixed"))
        self.fields["code"].disabled = self.fixed

    def words(self) -> dict[str, Any]:
        """For the action: as the row keeps it. Who picks another colour means it."""
        said, changed = dict(self.cleaned_data), self.changed_data
        palette, other = said.pop("palette"), said.pop("other")
        picked = palette == OTHER or ("other" in changed and "palette" not in changed)
        said["colour"] = other.upper() if picked else palette
        return {name: value for name, value in said.items() if name not in ("pk", "remove")}


class DefectTypeTable(forms.BaseFormSet[DefectTypeForm]):
    def add_fields(self, form: DefectTypeForm, index: int | None) -> None:
        super().add_fields(form, index)
        if form.prefix and not form.initial and index is not None:
            form.initial = {"palette": COLOURS[index % 7], "other": COLOURS[0], **mark(index)}

    def clean(self) -> None:
        codes = [form.cleaned_data.get("code") for form in self.forms if form.is_valid()]
        twice = {code for code in codes if code and codes.count(code) > 1}
        if twice:
            raise forms.ValidationError(f"The code {min(twice)} stands there twice.")


def defect_types(product: Product, data: QueryDict | None = None) -> Any:
    """The table of a product's defect types, with empty rows for new ones at its end."""
    rows = product.defect_types.all()
    used = changes.used_among(rows)
    shown = [_shown(row, fixed=row.pk in used) for row in rows]
    table = forms.formset_factory(DefectTypeForm, formset=DefectTypeTable, extra=_BLANK_ROWS)
    return table(data, initial=shown, prefix="type")


def _shown(row: DefectType, *, fixed: bool) -> dict[str, Any]:
    colour = row.colour.upper()
    return {
        **{name: getattr(row, name) for name in changes.FIELDS[DefectType] if name != "product"},
        "pk": row.pk,
        "palette": colour if colour in COLOURS else OTHER,
        "other": row.colour,
        "fixed": fixed,
    }


class QuestionForm(forms.Form):
    slot = forms.CharField(max_length=32)
    text = forms.CharField(max_length=LONGEST_TEXT, label="Question")
    choices = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), label="Choices, one a line"
    )
    remove = forms.BooleanField(required=False)

    def question(self) -> Question:
        said = self.cleaned_data
        choices = [line.strip() for line in said["choices"].splitlines() if line.strip()]
        return {"slot": said["slot"], "text": said["text"], "choices": choices}


def question_rows(present: QuestionSet | None, data: QueryDict | None = None) -> Any:
    asked: Sequence[Question] = present.questions if present else []
    shown = [{**q, "choices": "\n".join(q["choices"])} for q in asked]
    table = forms.formset_factory(QuestionForm, extra=_BLANK_ROWS if shown else 3)
    return table(data, initial=shown, prefix="question")


class ShareField(forms.FloatField):
    """A share that people see in per cent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=100, **kwargs)

    def clean(self, value: Any) -> float:
        shown: float = super().clean(value)
        return round(shown / 100, 8)

    def prepare_value(self, value: Any) -> Any:
        return f"{round(value * 100, 6):g}" if isinstance(value, float) else value


class CostField(forms.FloatField):
    """In any one currency, as large as sums of them can be told."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1e9, **kwargs)


class RecipeForm(forms.ModelForm[Recipe]):
    """The next version. Shares are asked in per cent; thresholds are published elsewhere."""

    audit_share = ShareField(label="Audit, % of the accepted", help_text="Judged blind.")
    repeat_share = ShareField(
        label="Repeat, % of a person's looks",
        help_text="A part that they judged before.",
    )
    cost_review = CostField(label="One review")
    cost_false_call = CostField(label="A good part rejected")
    cost_escape = CostField(label="A bad part shipped")
    reason = forms.CharField(
        max_length=500,
        label="Why",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: a recipe has a reason."},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Recipe
        fields = (
            "mm_per_px",
            "question_set",
            "route_not_ok",
            "route_uncertain",
            "route_contradiction",
            "route_new_defect",
            "route_critical",
            "route_unsure",
            "audit_share",
            "repeat_share",
            "cap_minute",
            "cap_hour",
            "cap_day",
            "label_uncertain",
            "label_disputed",
            "cap_labels_day",
            "cost_review",
            "cost_false_call",
            "cost_escape",
            "reason",
        )
        labels = {
            "mm_per_px": "Scale, mm per pixel",
            "question_set": "Questions",
            "route_not_ok": "Parts that the model rejects",
            "route_uncertain": "Parts that it cannot decide",
            "route_contradiction": "Words that do not agree with the picture",
            "route_new_defect": "Defects that it has no name for",
            "route_critical": "Critical defects",
            "route_unsure": "What an inspector is unsure of, for a lead",
            "cap_minute": "In a minute",
            "cap_hour": "In an hour",
            "cap_day": "In a day",
            "label_uncertain": "Pictures that the model cannot decide",
            "label_disputed": "Pictures on which a person and the model disagree",
            "cap_labels_day": "Of these, in a day at most; empty is no limit",
        }

    def __init__(self, product: Product, present: Recipe, data: QueryDict | None = None) -> None:
        shown = {name: getattr(present, name) for name in self.Meta.fields}
        shown = {**shown, "reason": "", "seen": present.number}
        super().__init__(data, initial=shown, label_suffix="")
        sets: Any = self.fields["question_set"]
        sets.queryset = QuestionSet.objects.filter(product=product).order_by("-number")
        sets.empty_label = "None are asked"
        sets.label_from_instance = lambda found: f"Version {found.number}"

    def clean_mm_per_px(self) -> float | None:
        scale: float | None = self.cleaned_data["mm_per_px"]
        if scale is not None and not scale > 0:
            raise forms.ValidationError("A pixel is more than 0 mm wide, or the scale is unknown.")
        return scale

    def rules(self) -> dict[str, Any]:
        said = self.cleaned_data.items()
        return {name: value for name, value in said if name not in ("reason", "seen")}


class CatalogueForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="JSON or CSV, 1 MB at most.",
        widget=forms.FileInput(attrs={"accept": ".json,.csv"}),
        error_messages={"empty": "The file is empty (0 bytes): choose another one."},
    )
