"""Who may do what: roles are groups, and each view names those that it serves."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponseBase

from qms.accounts.http import PersonRequest
from qms.accounts.models import Scope, User


class Role(TextChoices):
    INSPECTOR = "inspector", "Inspector"
    LEAD = "lead", "Lead"
    ANNOTATOR = "annotator", "Annotator"
    MRB = "mrb", "Material review board"
    MANAGER = "manager", "Manager"
    ML = "ml", "ML engineer"
    INTEGRATOR = "integrator", "Integrator"
    ADMIN = "admin", "Administrator"
    AUDITOR = "auditor", "Auditor"


EVERYONE = tuple(Role)
REVIEWERS = (Role.INSPECTOR, Role.LEAD)

# What a signed-in person may do through the API, as if holding a key with these scopes.
SCOPES: dict[str, frozenset[str]] = {
    **{role: frozenset({Scope.READ}) for role in Role},
    Role.INTEGRATOR: frozenset({Scope.READ, Scope.INGEST}),
    Role.ADMIN: frozenset(Scope),
}

View = Callable[Concatenate[Any, ...], HttpResponseBase]


def roles_of(user: User) -> frozenset[str]:
    """The roles of a person; a superuser has them all. Asked once a request."""
    if user.is_superuser:
        return frozenset(Role)
    found: frozenset[str] | None = getattr(user, "_roles", None)
    if found is None:
        found = frozenset(user.groups.values_list("name", flat=True))
        user._roles = found  # type: ignore[attr-defined]
    return found


def scopes_of(user: User) -> frozenset[str]:
    """What this person may do through the API, and so may let a machine do."""
    return frozenset().union(*(SCOPES.get(role, frozenset()) for role in roles_of(user)))


def has_role(user: Any, *roles: str) -> bool:
    return isinstance(user, User) and user.is_active and bool(roles_of(user) & set(roles))


def role_required(*roles: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Serve people who have one of these roles; send strangers to the sign-in, refuse others."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            if not has_role(request.user, *roles):
                wanted = ", ".join(Role(role).label for role in roles)
                raise PermissionDenied(f"This page is for: {wanted}. Ask an administrator.")
            return view(_with_person(request), *args, **kwargs)

        checked.roles = frozenset(roles)  # type: ignore[attr-defined]
        return checked

    return decorate


def _with_person(request: HttpRequest) -> PersonRequest:
    return request  # type: ignore[return-value]  # checked just above
