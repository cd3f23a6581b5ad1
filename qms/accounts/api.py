"""Who calls the API: a person with a session, or a machine with a key; and what it may do."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from qms.accounts.keys import find
from qms.accounts.models import ApiKey, Scope, User
from qms.accounts.roles import scopes_of


class Machine(AnonymousUser):
    """Who calls with a key: no person, but it has a name for the audit trail."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self.key = key

    @property
    def is_authenticated(self) -> Any:
        return True

    def __str__(self) -> str:
        return f"key {self.key}"


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer andon_..._...``"""

    def authenticate(self, request: Request) -> tuple[Machine, ApiKey] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            return None
        key = find(words[1], now=timezone.now())
        if key is None:
            raise AuthenticationFailed(
                "This API key is unknown, expired or revoked: make a new one."
            )
        return Machine(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class NeedsScope(BasePermission):
    """The view names its scope per method in ``scopes``; a key or a person's role must have it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        scope = getattr(view, "scopes", {}).get(method, Scope.ADMIN)
        self.message = f"This needs the scope '{scope}': use a key or a person that has it."
        if isinstance(request.user, Machine):
            return request.user.key.opens(scope)
        if isinstance(request.user, User):
            return scope in scopes_of(request.user)
        return False
