"""Pieces of this room for any page: states, what people said of an inspection, what waits."""

from collections.abc import Collection, Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qms.inspections.models import Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.labels import queues, waiting
from qms.labels.models import LabelTask, Origin, Status
from qms.labels.rules import KEEPERS, READERS, SENDERS
from qms.labels.story import Story, story_of

register = template.Library()

_STATES: dict[str, tuple[str, str]] = {
    Status.WANTED: ("undefined", "clock"),
    Status.OPEN: ("not-decidable", "pen"),
    Status.LABELLED: ("undefined", "download"),
    Status.PULLED: ("ok", "ok"),
    Status.SKIPPED: ("undefined", "skip"),
    Status.FAILED: ("not-ok", "alarm"),
}
_ORIGINS: dict[str, tuple[str, str]] = {
    Origin.PREDICTION: ("undefined", "ok"),
    Origin.CHANGED: ("not-decidable", "pen"),
    Origin.MANUAL: ("own", "person"),
    "deleted": ("not-ok", "cross"),
}
_SHORT: dict[str, str] = {
    Origin.PREDICTION: "Left",
    Origin.CHANGED: "Corrected",
    Origin.MANUAL: "Own",
    "deleted": "Deleted",
}


@register.inclusion_tag("pieces/badge.html")
def task_state(status: str) -> dict[str, Any]:
    """Colour, shape and word: any one of them is enough."""
    return _badge(_STATES[status], Status(status).label)


@register.simple_tag
def task_icon(status: str) -> str:
    return _STATES[status][1]


@register.inclusion_tag("pieces/badge.html")
def origin(value: str, word: str = "") -> dict[str, Any]:
    return _badge(_ORIGINS[value], word or _SHORT[value])


def _badge(look: tuple[str, str], label: str) -> dict[str, Any]:
    return {"colour": look[0], "drawing": look[1], "label": label}


@register.filter
def studio_link(task: LabelTask) -> str:
    return queues.link_of(task)


@register.filter
def kept_back(task: LabelTask) -> bool:
    """As ``waiting`` says, but of reviews that were fetched with the inspection."""
    unrouted = task.inspection.status == InspectionStatus.JUDGED
    looks = task.inspection.reviews.all()
    blind = any(look.blind and look.status in waiting.UNDECIDED for look in looks)
    return task.status == Status.WANTED and (unrouted or blind)


@register.simple_tag
def labels_waiting() -> int:
    return queues.waiting()


@register.simple_tag(takes_context=True)
def labels_of(context: Mapping[str, Any], inspection: Inspection) -> Story:
    """What people said of a part; ?version= chooses one of several annotations."""
    request = context.get("request")
    return story_of(inspection, request.GET.get("version", "") if request else "")


@register.filter
def reads_labels(roles: Collection[str]) -> bool:
    return not set(READERS).isdisjoint(roles)


@register.filter
def keeps_labels(roles: Collection[str]) -> bool:
    return not set(KEEPERS).isdisjoint(roles)


@register.filter
def sends_labels(roles: Collection[str]) -> bool:
    return not set(SENDERS).isdisjoint(roles)


@register.filter
def stars(confidence: int | None) -> str:
    """1 to 5, as a person sees it in Label Studio."""
    return "" if confidence is None else "★" * confidence + "☆" * (5 - confidence)


@register.filter
def spent(seconds: float | None) -> str:
    """12 s, 3 min 5 s."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


_RINGS = {
    "ANNOTATION_CREATED": "Submitted",
    "ANNOTATION_UPDATED": "Changed",
    "ANNOTATIONS_DELETED": "Deleted",
    "TASKS_DELETED": "Task deleted",
}


@register.filter
def ring_words(action: str) -> str:
    return _RINGS.get(action, action.capitalize().replace("_", " "))


@register.inclusion_tag("labels/urgency.html")
def urgency(share: float) -> dict[str, Any]:
    return {"hundred": round(100 * share)}


@register.filter
def with_code(text: str) -> SafeString:
    """What stands between backticks is a command."""
    parts = text.split("`")
    shown = ("<code>{}</code>" if n % 2 else "{}" for n in range(len(parts)))
    return format_html("".join(shown), *parts)
