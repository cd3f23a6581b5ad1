"""What the house refuses, as an answer that says what to do."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.contrib import messages
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from qms.lifecycle import Refused

log = structlog.get_logger(__name__)

_GONE = "The database does not answer. Nothing was stored: send it again in a few seconds."


class RefusalsAsAnswers:
    """Refused: a message on the page it came from. Database gone: 503, to be sent again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError | InterfaceError):
            return _unavailable(request, error)
        if isinstance(error, Refused) and not request.path.startswith("/api/"):
            messages.error(request, str(error))
            return redirect(_back(request))
        return None


def _back(request: HttpRequest) -> str:
    """The page it came from, if that is one of ours and not the one that has just refused."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
    loops = request.method != "POST" and urlsplit(page).path == request.path
    return page if ours and not loops else reverse("start")


def as_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's handler: every refusal is {"detail": one sentence}."""
    if isinstance(error, Refused):
        return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
    if isinstance(error, OperationalError | InterfaceError):
        log.error("database gone", error=str(error).strip())
        return Response({"detail": _GONE}, status=503, headers={"Retry-After": "5"})
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": " ".join(_sentences(error.detail)), "fields": error.detail}
    elif response is not None and isinstance(error, APIException):
        response.data = {"detail": str(error.detail)}
    return response


def _sentences(detail: Any, field: str = "") -> Iterator[str]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _sentences(inner, "" if name == "non_field_errors" else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _sentences(inner, field)
    else:
        yield f"{field}: {detail}" if field else str(detail)


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("database gone", error=str(error).strip())
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse({"detail": _GONE}, status=503)
    else:
        # Without the request: its context would ask the database who this is.
        response = HttpResponse(render_to_string("unavailable.html"), status=503)
    response["Retry-After"] = "5"
    return response
