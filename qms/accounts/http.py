"""A request that has a person on it, for type hints."""

from django.http import HttpRequest

from qms.accounts.models import User


class PersonRequest(HttpRequest):
    """A request behind ``role_required``: there is a person on it."""

    user: User
