"""One speaker at a time about one project: a lease, so that a speaker who died holds up nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from django.db.models import Q
from django.utils import timezone

from qms.labels.models import StudioProject

LASTS = timedelta(minutes=10)  # longer than the longest single answer is waited for


class LeaseLost(Exception):
    """Another one speaks about this project by now."""


class Lease:
    def __init__(self, project: StudioProject, token: UUID) -> None:
        self._rows = StudioProject.objects.filter(pk=project.pk, lease=token)

    def keep(self) -> None:
        """Before each thing that is sent. LeaseLost: send nothing more."""
        if self._rows.update(leased_until=timezone.now() + LASTS) != 1:
            raise LeaseLost

    def end(self) -> None:
        self._rows.update(lease=None, leased_until=None)


@contextmanager
def held(project: StudioProject) -> Iterator[Lease | None]:
    """None: somebody else holds it. The time is asked anew, for the holder waits for answers."""
    token, now = uuid4(), timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = StudioProject.objects.filter(free, pk=project.pk)
    if rows.update(lease=token, leased_until=now + LASTS) != 1:
        yield None
        return
    lease = Lease(project, token)
    try:
        yield lease
    finally:
        lease.end()
