"""Results to take away."""

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from qms.accounts.http import PersonRequest
from qms.accounts.roles import Role, role_required
from qms.inspections.filters import InspectionFilter
from qms.inspections.models import Inspection
from qms.lifecycle import Refused
from qms.reports.exports import csv_lines


@require_GET
@role_required(Role.MANAGER, Role.LEAD, Role.AUDITOR, Role.ADMIN, Role.ML)
def export_csv(request: PersonRequest) -> HttpResponseBase:
    """The list under the same filters, as a file. A filter that is wrong exports nothing."""
    facets = InspectionFilter(request.GET, Inspection.objects.all(), request=request)
    if not facets.is_valid():
        raise Refused("Mend the filters first: one of them was not understood.")
    name = f"andon-inspections-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
    response = StreamingHttpResponse(
        csv_lines(facets.qs, reader=request.user), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
