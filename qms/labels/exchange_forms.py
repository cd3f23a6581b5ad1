"""What an export and an import are asked for."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from qms.accounts.models import User
from qms.labels.exchange import FORMATS, Asked
from qms.plant.models import Product

LARGEST_MB = 500
_COUNTED = (MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31)))


class ExportForm(forms.Form):
    """``from`` and ``as`` are words of Python, so they stand under ``first`` and ``form``."""

    product = forms.ModelChoiceField(Product.objects.all(), to_field_name="code", required=False)
    first = forms.DateField(required=False, validators=_COUNTED)
    last = forms.DateField(required=False, validators=_COUNTED)
    form = forms.ChoiceField(choices=list(FORMATS.items()), required=False)

    def add_prefix(self, field_name: str) -> str:
        return {"first": "from", "last": "to", "form": "as"}.get(field_name, field_name)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("first") and given.get("last") and given["first"] > given["last"]:
            raise forms.ValidationError("The first day lies after the last one: turn them round.")
        return given

    def asked(self, reader: User) -> Asked | None:
        """None where there is no product yet."""
        product = self.cleaned_data.get("product") or Product.objects.first()
        if product is None:
            return None
        first, last = (self.cleaned_data.get(word) for word in ("first", "last"))
        return Asked(
            product=product,
            since=_midnight(first),
            until=_midnight(last + timedelta(days=1) if last else None),
            reader=reader,
        )

    @property
    def sentence(self) -> str:
        """All that is wrong, after the name of its field."""
        return " ".join(
            f"{'' if field == '__all__' else f'{self.add_prefix(field)}: '}{one['message']}"
            for field, said in self.errors.get_json_data().items()
            for one in said
        )


class ImportForm(forms.Form):
    product = forms.ModelChoiceField(
        Product.objects.all(), to_field_name="code", empty_label=None, label="Product"
    )
    file = forms.FileField(
        label="File",
        help_text=f"A zip of pictures and COCO annotations, {LARGEST_MB} MB at most. "
        "Larger ones come in by manage.py import_labels.",
        widget=forms.FileInput(attrs={"accept": ".zip"}),
        error_messages={"empty": "The file is empty (0 bytes): choose another one."},
    )
    add_types = forms.BooleanField(
        required=False, label="Make defect types of categories that the product does not have"
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_MB * 1024 * 1024:
            raise forms.ValidationError(
                f"The file has more than {LARGEST_MB} MB: bring it in by manage.py import_labels."
            )
        return file


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
