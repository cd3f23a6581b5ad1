"""The door for machines: send a picture, read what became of it."""

import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, pagination, serializers, status
from rest_framework.exceptions import (
    APIException,
    NotFound,
    PermissionDenied,
    ValidationError,
)
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from qms.accounts.models import Scope
from qms.inspections import actions, judge, pictures
from qms.inspections.blindness import is_hidden
from qms.inspections.filters import InspectionFilter
from qms.inspections.models import Inspection, Source, Status
from qms.inspections.output import InspectionOutput, with_verdicts
from qms.plant.models import GoldenPicture, Product, Station

LONGEST_WAIT = 30.0  # seconds
_LOOK_EVERY = 0.05  # seconds
# Waiting holds a thread of the server: never more than half of them, the others answer at once.
_WAITERS = threading.BoundedSemaphore(8)


class LengthRequired(APIException):
    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send the form with its Content-Length: chunks without one are not read."


class NotAPicture(APIException):
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class KnownCode(serializers.SlugRelatedField[Any]):
    """A code that must exist already; says which word was not known."""

    default_error_messages = {
        "does_not_exist": "There is none called '{value}': set it up first, or mend the name.",
        "invalid": "Send its code as text.",
    }


class SubmissionInput(serializers.Serializer[Any]):
    picture = serializers.FileField(
        error_messages={
            "required": "Send the picture as the file 'picture' of a multipart form.",
            "invalid": "Send the picture as the file 'picture' of a multipart form.",
            "empty": "The picture is empty (0 bytes): send the file again.",
        }
    )
    product = KnownCode("code", queryset=Product.objects.all())
    serial = serializers.CharField(max_length=64, required=False, allow_blank=True)
    lot = serializers.CharField(max_length=64, required=False, allow_blank=True)
    station = KnownCode("code", queryset=Station.objects.all(), required=False)
    captured_at = serializers.DateTimeField(required=False)
    external_id = serializers.CharField(max_length=128, required=False, allow_blank=True)
    is_simulated = serializers.BooleanField(required=False, default=False)


class InspectionPages(pagination.CursorPagination):
    """Pages by key: as quick at the end as at the start, and none is seen twice."""

    ordering = "-id"
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"

    def decode_cursor(self, request: Request) -> Any:
        """A cursor that somebody made up is not found, whatever it holds."""
        cursor: Any = super().decode_cursor(request)
        try:
            if cursor and cursor.position is not None:
                UUID(cursor.position)
        except ValueError:
            raise NotFound(self.invalid_cursor_message) from None
        return cursor


class Inspections(generics.ListAPIView[Inspection]):
    scopes = {"POST": Scope.INGEST, "GET": Scope.READ}
    parser_classes = [MultiPartParser]
    serializer_class = InspectionOutput
    pagination_class = InspectionPages
    filterset_class = InspectionFilter

    def get_queryset(self) -> QuerySet[Inspection]:
        return with_verdicts(Inspection.objects.all())

    @extend_schema(
        request={"multipart/form-data": SubmissionInput},
        responses={202: InspectionOutput, 200: InspectionOutput},
        parameters=[
            OpenApiParameter(
                "wait", OpenApiTypes.FLOAT, description="Seconds to wait for a verdict"
            ),
            OpenApiParameter(
                "Idempotency-Key", OpenApiTypes.STR, "header", description="Same as external_id"
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Send a picture of a part. 202: taken in safely; 200: judged, if ``wait`` was given."""
        wait = _seconds(request.query_params.get("wait", "0"))
        _check_length(request)
        form = SubmissionInput(data=request.data)
        form.is_valid(raise_exception=True)
        submission = _submission(form.validated_data, request)
        inspection = _submit(submission, actor=str(request.user))
        inspection = wait_for_verdict(inspection, seconds=wait)
        return _answer(inspection, request)


class InspectionDetail(generics.RetrieveAPIView[Inspection]):
    scopes = {"GET": Scope.READ}
    serializer_class = InspectionOutput
    filter_backends = []

    def get_queryset(self) -> QuerySet[Inspection]:
        return with_verdicts(Inspection.objects.all())


class Picture(APIView):
    """The pictures of an inspection: made anew from pixels, never the sender's own bytes."""

    scopes = {"GET": Scope.READ}

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: str, what: str) -> HttpResponse:
        inspection = generics.get_object_or_404(Inspection, pk=pk)
        if what in ("heat", "mask") and is_hidden(inspection, request.user):
            raise PermissionDenied("Hidden until the blind check of this part is decided.")
        return _image(*_picture(inspection, what))


class Golden(APIView):
    """What a good part looks like, upright and free of metadata; former ones too."""

    scopes = {"GET": Scope.READ}

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponse:
        golden = generics.get_object_or_404(GoldenPicture, pk=pk)
        try:
            return _image(*pictures.golden(golden))
        except FileNotFoundError as error:
            raise NotFound(_GONE) from error


_GONE = "This picture is not in the file store: tell an administrator."


def _image(data: bytes, content_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=content_type)
    response["Cache-Control"] = "private, max-age=86400"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _picture(inspection: Inspection, what: str) -> tuple[bytes, str]:
    try:
        return _bytes_of(inspection, what)
    except judge.BadPicture as error:
        raise NotAPicture(str(error)) from error
    except FileNotFoundError as error:
        raise NotFound(_GONE) from error


def _bytes_of(inspection: Inspection, what: str) -> tuple[bytes, str]:
    if what == "upright":
        return pictures.upright(inspection)
    if what == "thumbnail":
        return pictures.thumbnail(inspection), "image/jpeg"
    verdict = generics.get_object_or_404(inspection.verdicts.order_by("-judged_at")[:1])
    return (pictures.heat if what == "heat" else pictures.mask)(verdict), "image/png"


def wait_for_verdict(inspection: Inspection, *, seconds: float) -> Inspection:
    """Look again until it is judged or the time is over. Too many wait already: answer at once."""
    until = time.monotonic() + min(seconds, LONGEST_WAIT)
    if seconds <= 0 or not _WAITERS.acquire(blocking=False):
        return inspection
    try:
        while inspection.status == Status.SUBMITTED and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
            inspection.refresh_from_db(fields=["status"])
    finally:
        _WAITERS.release()
    return inspection


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValidationError({"wait": "Give the seconds to wait as a number, such as ?wait=2."})
    return seconds


def _check_length(request: Request) -> None:
    """Before the body is parsed: a form much larger than a picture may be is not read at all."""
    limit = (settings.MAX_PICTURE_MB + 1) * 1024 * 1024
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise LengthRequired
    if int(length) > limit:
        raise TooLarge(
            f"The picture is larger than {settings.MAX_PICTURE_MB} MB: send a smaller one."
        )


def _submission(data: dict[str, Any], request: Request) -> actions.Submission:
    upload = data.pop("picture")
    data["external_id"] = data.get("external_id") or request.headers.get("Idempotency-Key", "")
    source = Source.API
    return actions.Submission(picture=upload.read(), name=upload.name, source=source, **data)


def _submit(submission: actions.Submission, *, actor: str) -> Inspection:
    try:
        return actions.submit(submission, now=_now(), actor=actor)[0]
    except judge.BadPicture as error:
        raise ValidationError({"picture": str(error)}) from error
    except actions.BadWords as error:
        raise ValidationError({error.field: str(error)}) from error


def _now() -> datetime:
    return timezone.now()


def _answer(inspection: Inspection, request: Request) -> Response:
    judged = inspection.status != Status.SUBMITTED
    row = with_verdicts(Inspection.objects.all()).get(pk=inspection.pk) if judged else inspection
    body = InspectionOutput(row, context={"request": request}).data
    place = request.build_absolute_uri(reverse("api-inspection", args=[inspection.pk]))
    code = status.HTTP_200_OK if judged else status.HTTP_202_ACCEPTED
    return Response(body, status=code, headers={"Location": place})
