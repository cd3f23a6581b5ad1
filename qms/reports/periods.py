"""Which product, which station, which days: what a report is asked for in its address."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from qms.plant.models import Product, Station

DAYS = 30  # of a report that is asked for without dates
# A day that calendars can still count from, in every time zone.
_COUNTED = (MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31)))


@dataclass(frozen=True)
class Period:
    """From the first moment of a day to the last of another, by the house's own clock."""

    first: date
    last: date

    @property
    def since(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def until(self) -> datetime:
        """The first moment that is no part of it any more."""
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))


class ReportForm(forms.Form):
    """The filters of a report; ``from`` is a word of Python, so it stands under ``first``."""

    product = forms.ModelChoiceField(Product.objects.all(), to_field_name="code", required=False)
    station = forms.ModelChoiceField(Station.objects.all(), to_field_name="code", required=False)
    first = forms.DateField(required=False, validators=_COUNTED)
    last = forms.DateField(required=False, validators=_COUNTED)

    def add_prefix(self, field_name: str) -> str:
        return {"first": "from", "last": "to"}.get(field_name, field_name)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("first") and given.get("last") and given["first"] > given["last"]:
            raise forms.ValidationError("The first day lies after the last one: turn them round.")
        return given

    @property
    def product_or_first(self) -> Product | None:
        return self.cleaned_data.get("product") or Product.objects.first()

    def period(self, *, today: date) -> Period:
        last: date = self.cleaned_data.get("last") or today
        first: date = self.cleaned_data.get("first") or last - timedelta(days=DAYS)
        return Period(min(first, last), last)
