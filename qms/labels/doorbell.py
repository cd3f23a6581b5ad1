"""Label Studio's webhook. It waits for the answer with the annotator, rings once and never again.

So the answer takes milliseconds, and nothing that the body says is believed: it only tells where to
look. Its masks may be megabytes; the few numbers are found in the text, which is never parsed.
"""

import hashlib
import re
from datetime import datetime
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from labeling.studio import SECRET_HEADER
from qms.events import catalogue, outbox
from qms.labels.models import Ring

MOST_BYTES = 16 * 1024 * 1024  # read; of a longer body, the beginning is enough
_LONGEST_NUMBER = 2**31 - 1
# Within a text of JSON quotes are escaped: what people wrote is never taken for one of these names.
_ACTION = re.compile(rb'"action"\s*:\s*"([A-Z_]{1,32})"')
_PROJECT = re.compile(rb'"project"\s*:\s*(?:\{\s*"id"\s*:\s*)?(\d{1,10})\b')
_TASK = re.compile(rb'"task"\s*:\s*(?:\{\s*"id"\s*:\s*)?(\d{1,10})\b')
_ANNOTATION = re.compile(rb'"annotation"\s*:\s*\{\s*"id"\s*:\s*(\d{1,10})\b')


@csrf_exempt
@require_POST
def rung(request: HttpRequest) -> HttpResponse:
    """202; 403 to whoever does not know the secret, of whom nothing is stored or read."""
    shown = request.headers.get(SECRET_HEADER, "")
    if not constant_time_compare(shown, settings.STUDIO_SECRET):
        return _said("This bell is Label Studio's.", HTTPStatus.FORBIDDEN)
    note(request.read(MOST_BYTES), now=timezone.now())
    return _said("Heard.", HTTPStatus.ACCEPTED)


@transaction.atomic
def note(body: bytes, *, now: datetime) -> Ring:
    """Once for the same words."""
    ring, is_new = Ring.objects.get_or_create(
        said=hashlib.sha256(body).hexdigest(),
        defaults={
            "action": (_ACTION.search(body) or [b"", b""])[1].decode(),
            "studio_project": _number(_PROJECT, body),
            "studio_task": _number(_TASK, body),
            "studio_annotation": _number(_ANNOTATION, body),
            "received_at": now,
        },
    )
    if is_new:
        outbox.publish(catalogue.StudioRang(ring_id=ring.pk), now=now, actor="Label Studio")
    return ring


def _number(pattern: re.Pattern[bytes], body: bytes) -> int | None:
    found = pattern.search(body)
    number = int(found.group(1)) if found else None
    return number if number and number <= _LONGEST_NUMBER else None


def _said(detail: str, status: HTTPStatus) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
