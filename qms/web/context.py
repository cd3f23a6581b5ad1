"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from qms.accounts.models import User
from qms.accounts.roles import roles_of


def house(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    return {
        "version": settings.VERSION,
        "roles": roles_of(user) if isinstance(user, User) else frozenset(),
    }
