"""What somebody changed in Label Studio that was ours: it lets anybody do so, without a question."""

import html
import re
from datetime import datetime

from django.db import transaction

from labeling.studio import ProjectState
from qms.labels import actions, schema
from qms.labels.models import LabelTask, Status, StudioProject

GONE = "Its project was deleted in Label Studio: send it again, or leave it."
_CHOSEN = re.compile(r'<(Label|Choice)\b[^>]*?\svalue="([^"]*)"')


def is_another(project: StudioProject, state: ProjectState) -> bool:
    """A Label Studio that began anew gives our number to somebody else's project."""
    return state.title != schema.title_of(project) and bool(config_drift(project, state.config))


@transaction.atomic
def lose(project: StudioProject, *, now: datetime) -> None:
    """It was deleted there: the next picture gets another one."""
    StudioProject.objects.filter(pk=project.pk, gone_at=None).update(
        gone_at=now, drift=["It was deleted in Label Studio."]
    )
    there = LabelTask.objects.filter(project=project, status__in=(Status.OPEN, Status.LABELLED))
    for task in there:
        actions.fail(task, GONE, now=now)


def config_drift(project: StudioProject, there: str) -> list[str]:
    """What differs on the labelling screen, in sentences."""
    ours, theirs = _plain(project.config), _plain(there)
    if ours == theirs:
        return []
    mine, others = _values(project.config), _values(there)
    said = [f"{name} is missing in Label Studio." for name in sorted(mine - others)]
    said += [f"{name} is only in Label Studio." for name in sorted(others - mine)]
    return [
        *(said or ["The labelling screen was changed in Label Studio."]),
        "Put it back as it was there: what is labelled otherwise cannot be read.",
    ]


def _plain(config: str) -> str:
    return "".join(config.split())


def _values(config: str) -> set[str]:
    """What can be chosen on it: the labels and the choices."""
    return {f"{kind} “{html.unescape(value)}”" for kind, value in _CHOSEN.findall(config)}
