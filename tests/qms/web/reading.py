"""What a page says, and what its form would send."""

from typing import Any

from django.test import Client
from django.urls import reverse


def text(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def said(answer: Any) -> str:
    return str(answer.content.decode())


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What the form of a page would send if nothing were changed."""
    page = client.get(address)
    context = page.context
    forms = list(context.get("table") or context.get("rows") or [context["form"]])
    data: dict[str, Any] = {"seen": context.get("seen", "")}
    for form in forms:
        for box in form:
            if box.field.disabled or box.value() in (None, False, ""):
                continue
            data[box.html_name] = "on" if box.value() is True else box.value()
    formset = context.get("table") or context.get("rows")
    if formset is not None:
        data |= {f"{formset.prefix}-{n}": v for n, v in formset.management_form.initial.items()}
    return {name: value for name, value in data.items() if value is not None}
