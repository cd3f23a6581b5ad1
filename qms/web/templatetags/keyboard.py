"""Keys on controls: which key a control has for this person, and what it does."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qms.review.keys import DEFAULTS, KEYS

register = template.Library()

_SHOWN = {"-": "−"}


@register.simple_tag(takes_context=True)
def keyed(context: Mapping[str, Any], name: str) -> SafeString:
    """The attributes by which keys.js finds the control, and the help explains it."""
    return format_html('data-key="{}" data-key-name="{}"', _key(context, name), KEYS[name].does)


@register.simple_tag(takes_context=True)
def kbd(context: Mapping[str, Any], name: str) -> SafeString:
    key = _key(context, name)
    return format_html("<kbd>{}</kbd>", _SHOWN.get(key, key.upper() if len(key) == 1 else key))


def _key(context: Mapping[str, Any], name: str) -> str:
    keys: Mapping[str, str] = context.get("keys") or DEFAULTS
    return keys[name]
