"""Rows that live through states.

A model names its states in ``Status`` and its legal moves in ``TRANSITIONS``; ``move`` is the
only way from one state to the next. The move is one UPDATE that also names the state it leaves,
so of two callers racing, exactly one wins.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models


class Refused(Exception):
    """The house does not allow this. The message is fit for the person who asked."""


class IllegalMove(Refused):
    """The row's table of legal moves has no such move."""


class StaleMove(Refused):
    """Someone else moved the row first."""


class Lifecycle(models.Model):
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]]
    status = models.CharField(max_length=16)

    class Meta:
        abstract = True

    def move(self, to: str, **changes: Any) -> None:
        if to not in self.TRANSITIONS.get(self.status, ()):
            raise IllegalMove(
                f"{self} is {self._word(self.status)}: it cannot become {self._word(to)}."
            )
        rows = type(self)._default_manager.filter(pk=self.pk, status=self.status)
        if rows.update(status=to, **changes) != 1:
            raise StaleMove(f"{self} is no longer {self._word(self.status)}: someone was first.")
        for name, value in {"status": to, **changes}.items():
            setattr(self, name, value)

    @staticmethod
    def _word(status: str) -> str:
        return status.lower().replace("_", " ")
