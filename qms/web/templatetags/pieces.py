"""Pieces that several pages show: badges, times, the score bar, outlines, plain words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qms.accounts.models import User
from qms.events.models import Event
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Evaluation, Finding, Inspection, Status, Verdict
from qms.plant.models import DefectType, Shape, Station
from qms.review.looks import first_or_holding
from qms.review.models import Review

register = template.Library()

_WORDS = {
    "InspectionSubmitted": "Picture received",
    "InspectionJudged": "Judged by the model",
    "InspectionFailed": "Could not be judged",
    "ReviewOpened": "Sent to a person",
    "ReviewClaimed": "Taken in hand",
    "ReviewReleased": "Given back to the queue",
    "ReviewDecided": "Decided by a person",
    "ReviewUndone": "Decision taken back",
    "ReviewWithdrawn": "Second opinion no longer needed",
    "CorrectionWanted": "Sent to an annotator",
    "LabelTaskWanted": "To be labelled",
    "LabelTaskMoved": "At the labelling desk",
    "StudioRang": "Label Studio rang",
    "StudioRoundDue": "The labelling desk is due for a look",
    "AnnotationReceived": "Corrected by an annotator",
    "LabelsImported": "Labels were imported",
    "InspectionSettled": "Settled",
    "NonconformanceRaised": "Nonconformance raised",
    "NonconformanceJoined": "Joined a nonconformance",
    "NonconformanceLeft": "Left a nonconformance: the decision was taken back",
    "NonconformanceMoved": "Nonconformance moved on",
    "NonconformanceDescribed": "Root cause written down",
    "PartsDispositioned": "Disposition signed",
    "CorrectiveActionAgreed": "Corrective action agreed",
    "CorrectiveActionMoved": "Corrective action moved on",
    "DeliveryDied": "Given up",
    "DeliveryRevived": "Tried again",
}

_AT_THE_DESK = {
    "OPEN": "Laid before the annotators",
    "LABELLED": "Labelled, to be read",
    "PULLED": "Corrections are stored",
    "SKIPPED": "Annotators left it out",
    "FAILED": "Could not go on at the labelling desk",
}

_SHORT: dict[str, str] = {
    Status.SUBMITTED: "Waiting",
    Status.JUDGED: "Judged",
    Status.IN_REVIEW: "In review",
    Status.SETTLED: "Settled",
    Status.FAILED: "Failed",
}


_SHAPES: dict[str, str] = {
    Shape.CIRCLE: "M5 0a5 5 0 1 0 0 10A5 5 0 1 0 5 0z",
    Shape.SQUARE: "M.5.5h9v9h-9z",
    Shape.TRIANGLE: "M5 .4 10 9.6H0z",
    Shape.DIAMOND: "M5 0l5 5-5 5-5-5z",
    Shape.CROSS: "M3.4 0h3.2v3.4H10v3.2H6.6V10H3.4V6.6H0V3.4h3.4z",
    Shape.STAR: "M5 0l1.4 3.4 3.6.3-2.8 2.4.9 3.6L5 7.8 1.9 9.7l.9-3.6L0 3.7l3.6-.3z",
    Shape.BAR: "M0 3h10v4H0z",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing of icons.svg. It repeats what the text beside it says, so readers skip it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("icons.svg"),
        name,
    )


@register.inclusion_tag("pieces/evaluation.html")
def evaluation(value: str) -> dict[str, Any]:
    """Colour, shape and word: any one of them is enough."""
    return {
        "value": value.lower().replace("_", "-"),
        "label": Evaluation(value or "UNDEFINED").label,
    }


@register.inclusion_tag("pieces/state.html")
def state(inspection: Inspection) -> dict[str, Any]:
    value = inspection.status.lower().replace("_", "-")
    return {"value": value, "short": _SHORT[inspection.status], "inspection": inspection}


@register.inclusion_tag("pieces/held.html")
def held(inspection: Inspection, words: str = "Lot on hold") -> dict[str, Any]:
    """Nothing, unless its lot is on hold: then its own verdict lets nothing go."""
    return {"lot": inspection.lot if inspection.is_held else None, "words": words}


@register.simple_tag
def thumbnail(inspection: Inspection, side: int = 56) -> SafeString:
    return format_html(
        '<img class="thumbnail" src="{}" width="{}" height="{}" loading="lazy" decoding="async"'
        ' alt="">',
        reverse("api-picture", args=[inspection.pk, "thumbnail"]),
        side,
        side,
    )


@register.simple_tag
def score_bar(verdict: Verdict, legend: bool = False) -> SafeString:
    """The score between the two thresholds. The scale ends at the larger of the score and twice
    the threshold, so bars of one model can be compared."""
    top = max(verdict.threshold_not_ok * 2, verdict.score * 1.05, 1e-9)
    at = [100 * max(0.0, x) / top for x in (verdict.threshold_ok, verdict.threshold_not_ok)]
    return format_html(
        _SCORE_BAR,
        large=" score-bar-large" if legend else "",
        words=f"Score {number(verdict.score)}; OK below {number(verdict.threshold_ok)}, "
        f"not OK from {number(verdict.threshold_not_ok)}",
        ok=f"{at[0]:.2f}",
        not_ok=f"{at[1]:.2f}",
        between=f"{at[1] - at[0]:.2f}",
        beyond=f"{100 - at[1]:.2f}",
        score=f"{100 * max(0.0, verdict.score) / top:.2f}",
    )


_SCORE_BAR = (
    '<svg class="score-bar{large}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"'
    ' aria-label="{words}"><rect class="zone-ok" x="0" y="3" width="{ok}" height="4"/>'
    '<rect class="zone-between" x="{ok}" y="3" width="{between}" height="4"/>'
    '<rect class="zone-not-ok" x="{not_ok}" y="3" width="{beyond}" height="4"/>'
    '<line class="score-mark" x1="{score}" x2="{score}" y1="0" y2="10"/></svg>'
)


@register.simple_tag
def mark(kind: DefectType | None) -> SafeString:
    """Colour and shape of a defect type, so that no one of the two must be told apart."""
    colour, shape = (kind.colour, kind.shape) if kind else ("#D55E00", Shape.CIRCLE)
    return format_html(
        '<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><path d="{}" fill="{}"/></svg>',
        _SHAPES[shape],
        colour,
    )


@register.simple_tag
def moment(value: datetime | None, station: Station | None = None, form: str = "") -> SafeString:
    """A time as the clock at the station shows it; UTC stands in the tooltip."""
    if value is None:
        return SafeString("<span class='quiet'>–</span>")
    here = value.astimezone(_zone(station))
    today = here.date() == timezone.now().astimezone(here.tzinfo).date()
    shown = here.strftime("%H:%M:%S" if today and form != "full" else "%Y-%m-%d %H:%M:%S")
    utc = value.astimezone(ZoneInfo("UTC"))
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        shown,
    )


def _zone(station: Station | None) -> ZoneInfo:
    if station is not None:
        try:
            return ZoneInfo(station.line.site.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            pass  # a site with a mistyped zone still has times to show
    return ZoneInfo(timezone.get_default_timezone_name())


@register.filter
def age(value: timedelta | None) -> str:
    """3 s, 12 min, 5 h, 2 days."""
    seconds = int(value.total_seconds()) if value else 0
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and word != "days"):
            return f"{seconds // size} {word}"
    return f"{max(0, seconds)} s"


@register.filter
def since(now: datetime, then: datetime | None) -> str:
    return age(now - then) if then else ""


@register.filter
def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


@register.filter
def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


@register.filter
def outline(contour: Sequence[Sequence[int]]) -> str:
    """[[x, y], ...] as the path of an SVG, through the middle of the pixels."""
    points = " L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in contour)
    return f"M{points} Z" if points else ""


@register.filter
def words(event: Event) -> str:
    """What happened, in plain words."""
    if event.name == "LabelTaskMoved":
        return _AT_THE_DESK.get(event.payload["status"], _WORDS[event.name])
    if event.name == "AnnotationReceived" and event.payload["skipped"]:
        return "Skipped by an annotator"
    return _WORDS.get(event.name, event.name)


@register.filter
def defects(verdict: Verdict) -> str:
    """The defect types that the model names, each once."""
    names = [_name(finding) for finding in verdict.findings.all()]
    return ", ".join(dict.fromkeys(names))


def _name(finding: Finding) -> str:
    return finding.defect_type.name if finding.defect_type else "Unknown"


@register.filter
def hidden_from(inspection: Inspection, person: User) -> bool:
    """Would the model's word spoil an audit that this person may be given?"""
    return is_hidden(inspection, person)


@register.filter
def holding(inspection: Inspection) -> Review | None:
    """The look that speaks for an inspection whose reviews were fetched with it."""
    return first_or_holding(inspection)


@register.filter
def latest(inspection: Inspection) -> Verdict | None:
    """The latest verdict of an inspection whose verdicts were fetched with it."""
    return next(iter(inspection.verdicts.all()), None)


@register.simple_tag(takes_context=True)
def theme(context: dict[str, Any]) -> str:
    """The reader's own choice, known before the first paint so that nothing flashes."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in ("light", "dark") else str(context.get("usual_theme", ""))
