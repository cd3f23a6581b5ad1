"""API keys: list, issue, revoke."""

from typing import cast

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qms.accounts import keys as desk
from qms.accounts.http import PersonRequest
from qms.accounts.models import ApiKey, Scope, User
from qms.accounts.roles import Role, role_required, scopes_of


class KeyForm(forms.Form):
    """Offers a person the scopes that are theirs to give."""

    name = forms.CharField(max_length=desk.LONGEST_NAME, label="Name")
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=[Scope.INGEST],
        widget=forms.CheckboxSelectMultiple,
        label="What it may do",
        error_messages={
            "required": "Choose at least one.",
            "invalid_choice": "%(value)s is not yours to give: ask an administrator.",
        },
    )

    def __init__(self, person: User, data: QueryDict | None = None) -> None:
        super().__init__(data)
        scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
        scopes.choices = [(s.value, s.label) for s in Scope if s in scopes_of(person)]


@never_cache
@require_http_methods(["GET", "POST"])
@role_required(Role.ADMIN, Role.INTEGRATOR)
def keys(request: PersonRequest) -> HttpResponse:
    """The list, and the form that issues.

    The answer to the form is the page itself, not a redirect: the key's text lives in this one
    answer and nowhere else.
    """
    form = KeyForm(request.user, request.POST or None)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        key, text = desk.issue(
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            by=request.user,
            now=timezone.now(),
        )
        context = {"form": KeyForm(request.user), "new_key": key, "new_text": text}
    context["keys"] = ApiKey.objects.select_related("issued_by")
    return render(request, "accounts/keys.html", context)


@require_POST
@role_required(Role.ADMIN, Role.INTEGRATOR)
def revoke(request: PersonRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=pk)
    desk.revoke(key, by=request.user, now=timezone.now())
    return redirect("keys")
