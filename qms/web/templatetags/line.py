"""What only the line board draws."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qms.web.templatetags.pieces import age, percent

register = template.Library()

_STEP, _TOP, _HEIGHT = 10, 3, 26  # of the sparkline: a bucket wide, the line of 100 %, down to 50 %


@register.simple_tag
def ago(now: datetime, then: datetime) -> SafeString:
    """An age that the browser lets grow by itself; the moment in UTC stands in the tooltip."""
    return format_html(
        '<time data-age datetime="{}" title="{} UTC">{}</time>',
        then.isoformat(),
        f"{then:%Y-%m-%d %H:%M:%S}",
        age(now - then),
    )


@register.filter
def seconds(value: int) -> str:
    return age(timedelta(seconds=abs(value)))


@register.inclusion_tag("web/sparkline.html")
def sparkline(buckets: Sequence[float | None]) -> dict[str, object]:
    """Yield by five minutes, from 50 % at the bottom to 100 % at the top; a gap where nothing came.

    The scale is the same on each tile, so that tiles can be compared.
    """
    points = [None if value is None else _point(at, value) for at, value in enumerate(buckets)]
    dots = [f"M{point[0]} {point[1]}h0" for point in points if point]
    return {
        "path": _path(points),
        "dots": "".join(dots),
        "last": dots[-1] if dots else "",
        "words": ", ".join(percent(value) for value in buckets),
        "width": _STEP * len(buckets),
        "bottom": _TOP + _HEIGHT,
        "top": _TOP,
    }


def _point(at: int, value: float) -> tuple[str, str]:
    shown = max(0.0, 2 * value - 1)
    return f"{(at + 0.5) * _STEP:g}", f"{_TOP + (1 - shown) * _HEIGHT:.1f}"


def _path(points: Sequence[tuple[str, str] | None]) -> str:
    """Lines between neighbours; the pen is lifted over each gap."""
    words, down = [], False
    for point in points:
        if point:
            words.append(f"{'L' if down else 'M'}{point[0]} {point[1]}")
        down = point is not None
    return " ".join(words)
