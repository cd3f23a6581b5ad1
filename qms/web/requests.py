"""One log line a request, and its id on every line that is logged meanwhile."""

import logging
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger("qms.web")

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


class RequestLog:
    """Outermost of our own middleware: it sees the final answer and how long it took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-Request-Id", "")[:64] or uuid4().hex[:16]
        structlog.contextvars.bind_contextvars(request=name)
        started = time.perf_counter()
        try:
            response = self._get_response(request)
            milliseconds = round(1000 * (time.perf_counter() - started), 1)
            self._note(request, response, milliseconds)
            response["X-Request-Id"] = name
            return response
        finally:
            structlog.contextvars.clear_contextvars()

    @staticmethod
    def _note(request: HttpRequest, response: HttpResponse, milliseconds: float) -> None:
        level = logging.WARNING if response.status_code >= 500 else logging.INFO
        log.log(
            level,
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=milliseconds,
        )


def formatter() -> logging.Formatter:
    """Key=value lines for people and machines alike; foreign loggers in the same shape."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )
