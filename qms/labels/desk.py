"""The line to Label Studio: one place where it is opened, and what became of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from labeling.studio import StudioClient, StudioDown, StudioRefused, StudioToken
from qms.labels.models import Desk

__all__ = ["StudioDown", "StudioRefused", "Trouble", "is_there", "line", "note", "sentence"]

Trouble = (StudioDown, StudioRefused)
Heard = str | None  # what is wrong with the line, in a sentence; empty: it answers; None: not asked
_TELL_EVERY = timedelta(seconds=10)  # that all is well; what is wrong is told at once
_WAITS = "What is wanted waits, and is sent by itself."


def is_there() -> bool:
    """Is a Label Studio configured at all?"""
    return bool(settings.STUDIO_TOKEN)


@contextmanager
def line() -> Iterator[StudioClient]:
    """Speak to Label Studio; never within a transaction."""
    called = import_string(settings.STUDIO_CLIENT)
    studio: StudioClient = called(settings.STUDIO_URL, settings.STUDIO_TOKEN)
    with closing(studio):
        yield studio


def sentence(trouble: Exception) -> str:
    """What is wrong, and what to do."""
    if isinstance(trouble, StudioToken):
        return (
            f"{trouble} Label Studio does not take our token: make a new one there, set "
            f"STUDIO_TOKEN and start the workers again. {_WAITS}"
        )
    if isinstance(trouble, StudioDown):
        return f"{trouble} {_WAITS}"
    return f"{trouble} Run 'manage.py labelstudio_check' and mend what it names. {_WAITS}"


def note(error: Heard, *, now: datetime) -> None:
    """Keep what was heard of Label Studio just now."""
    if error is None or not is_there():
        return
    desk, _ = Desk.objects.get_or_create(pk=1)
    if error:
        Desk.objects.filter(pk=1).exclude(error=error).update(error=error, error_at=now)
        return
    old = Q(answered_at=None) | Q(answered_at__lt=now - _TELL_EVERY) | ~Q(error="")
    Desk.objects.filter(old, pk=desk.pk).update(answered_at=now, error="", error_at=None)
