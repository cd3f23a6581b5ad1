"""For those who watch the house: alive, ready, and how busy."""

from datetime import datetime, timedelta
from pathlib import PurePosixPath
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from qms.accounts import keys
from qms.accounts.models import Scope
from qms.accounts.roles import Role, has_role
from qms.events import deadletters
from qms.events.models import oldest_owed, unfinished
from qms.events.outbox import long_handlers
from qms.inspections.models import Evaluation, Inspection
from qms.partitions import first_key

TOO_OLD = timedelta(minutes=5)
_RECENT = timedelta(hours=24)
_LOOPBACK = ("127.0.0.1", "::1")


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nobody else, so a slow database never gets it killed."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Pictures can be taken in and are being judged: 200, otherwise 503 with the reason."""
    checks = {"database": _database()}
    if not checks["database"]:
        checks |= {"storage": _storage(), "queue": _queue(timezone.now())}
    faults = {name: fault for name, fault in checks.items() if fault}
    body = {"status": "not ready" if faults else "ready", "faults": faults}
    return JsonResponse(body, status=503 if faults else 200)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError as error:
        return f"The database does not answer: {str(error).strip()}"
    return ""


def _storage() -> str:
    """Written, then removed again: a full or read-only disk shows here first."""
    name = str(PurePosixPath("probe") / uuid4().hex)
    try:
        default_storage.delete(default_storage.save(name, ContentFile(b"ready?")))
    except Exception as error:  # whatever the storage raises, it means: not ready
        return f"The storage cannot be written: {error}"
    return ""


def _queue(now: datetime) -> str:
    oldest = oldest_owed(now, besides=long_handlers())
    if oldest is None or now - oldest < TOO_OLD:
        return ""
    since = oldest.isoformat()
    return f"The oldest delivery is not done since {since}: are the workers running, or stuck?"


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for this machine, an admin's key or an admin."""
    now = timezone.now()
    if not (
        _from_here(request) or _has_admin_key(request, now) or has_role(request.user, Role.ADMIN)
    ):
        raise PermissionDenied("Metrics are for this machine, an admin key or an administrator.")
    return HttpResponse(generate_latest(_measure(now)), content_type=CONTENT_TYPE_LATEST)


def _from_here(request: HttpRequest) -> bool:
    """A proxy on this machine forwards strangers from here too: then it is not from here."""
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and not forwarded


def _has_admin_key(request: HttpRequest, now: datetime) -> bool:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    key = keys.find(text.strip(), now=now) if kind.lower() == "bearer" else None
    return key is not None and key.opens(Scope.ADMIN)


def _measure(now: datetime) -> CollectorRegistry:
    """Read from the database each time, so that every web process tells the same."""
    registry = CollectorRegistry()
    oldest = oldest_owed(now, besides=long_handlers())
    age = (now - oldest).total_seconds() if oldest else 0.0
    _gauge(registry, "andon_queue_age_seconds", "How long the oldest delivery is owed", age)
    _gauge(registry, "andon_deliveries_waiting", "Deliveries not done", unfinished().count())
    _gauge(registry, "andon_dead_letters", "Deliveries given up", deadletters.waiting())
    recent = Inspection.objects.filter(id__gte=first_key(now - _RECENT))
    by_evaluation = dict(recent.values_list("evaluation").annotate(n=Count("pk")).order_by())
    what = "Inspections received in the last 24 hours"
    gauge = Gauge("andon_inspections_24h", what, ["evaluation"], registry=registry)
    for evaluation in Evaluation.values:
        gauge.labels(evaluation=evaluation.lower()).set(by_evaluation.get(evaluation, 0))
    return registry


def _gauge(registry: CollectorRegistry, name: str, what: str, value: float) -> None:
    Gauge(name, what, registry=registry).set(value)
