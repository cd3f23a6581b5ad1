"""The golden pictures of a product: what is there, what was, and a new one."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from qms.accounts.http import PersonRequest
from qms.accounts.roles import Role, role_required
from qms.filled_in import filled_in
from qms.inspections import golden, judge
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.plant import actions as plant
from qms.plant.models import GoldenPicture, Product

KEEPERS = (Role.ADMIN, Role.LEAD, Role.MANAGER)


class GoldenForm(forms.Form):
    picture = forms.FileField(
        widget=forms.ClearableFileInput(attrs={"accept": "image/*"}),
        error_messages={
            "required": "Choose the picture of a good part.",
            "empty": "The picture is empty (0 bytes): choose it again.",
        },
    )
    view = forms.CharField(
        label="View",
        max_length=32,
        required=False,
        error_messages={"max_length": "A view's name has at most 32 letters."},
    )

    def clean_picture(self) -> "UploadedFile[Any]":
        picture: UploadedFile[Any] = self.cleaned_data["picture"]
        if (picture.size or 0) > settings.MAX_PICTURE_MB * 1024 * 1024:
            raise forms.ValidationError(
                f"The picture is larger than {settings.MAX_PICTURE_MB} MB: send a smaller one."
            )
        return picture


@require_http_methods(["GET", "POST"])
@role_required(*KEEPERS)
def index(request: PersonRequest, code: str) -> HttpResponse:
    product = get_object_or_404(Product, code=code)
    if request.method == "POST":
        return _add(request, product)
    rows = GoldenPicture.objects.filter(product=product).select_related("added_by")
    context = {
        "product": product,
        "present": rows.filter(retired_at=None),
        "former": rows.exclude(retired_at=None).order_by("-retired_at"),
        "form": GoldenForm(),
    }
    return render(request, "inspections/golden.html", context)


def _add(request: PersonRequest, product: Product) -> HttpResponse:
    words = filled_in(GoldenForm(request.POST, request.FILES))
    data, view = words["picture"].read(), words["view"]
    try:
        golden.add(product, data, view=view, by=request.user, now=timezone.now())
    except judge.BadPicture as error:
        raise Refused(str(error)) from error
    messages.success(request, "This is the golden picture from now on.")
    return redirect("golden-add", product.code)


@require_POST
@role_required(*KEEPERS)
def add_inspected(request: PersonRequest, pk: UUID) -> HttpResponse:
    inspection = get_object_or_404(Inspection.objects.select_related("product"), pk=pk)
    golden.add_inspected(inspection, by=request.user, now=timezone.now())
    messages.success(request, f"This part is what a good {inspection.product} looks like.")
    return redirect("inspection", pk)


@require_POST
@role_required(*KEEPERS)
def retire(request: PersonRequest, pk: int) -> HttpResponse:
    picture = get_object_or_404(GoldenPicture.objects.select_related("product"), pk=pk)
    plant.retire_golden_picture(picture, by=request.user, now=timezone.now())
    return redirect("golden-add", picture.product.code)
