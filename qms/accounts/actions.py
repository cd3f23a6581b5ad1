"""What happens to people."""

from django.contrib.auth.models import Group
from django.db import transaction

from qms.accounts.models import User


@transaction.atomic
def ensure_first_person(*, username: str, password: str) -> bool:
    """The administrator of a new house. True if there was nobody and this one was made."""
    if User.objects.filter(is_superuser=True).exists():
        return False
    User.objects.create_superuser(username=username, password=password)
    return True


@transaction.atomic
def give_roles(person: User, *roles: str) -> None:
    person.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
