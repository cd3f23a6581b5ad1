"""All that an evidence pack shows: what was found, on which parts, who decided what, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Prefetch, QuerySet

from qms.accounts.models import User
from qms.events.models import Event, of_nonconformances
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Evaluation, Finding, Inspection, Verdict
from qms.quality import containment
from qms.quality.models import Contained, Nonconformance, Standing, Status
from qms.quality.pareto import Column, columns
from qms.quality.timeline import Told, told
from qms.review.models import Review

PICTURES = 12  # of which each takes a third of a sheet
LINES = 2000


@dataclass(frozen=True)
class Picture:
    """One bad part, its findings outlined; nothing of the model where it is to be judged blind."""

    inspection: Inspection
    verdict: Verdict | None
    review: Review | None

    @property
    def findings(self) -> Sequence[Finding]:
        return list(self.verdict.findings.all()) if self.verdict else []


def detailed(rows: QuerySet[Inspection]) -> QuerySet[Inspection]:
    """With what a line of the list shows, in a fixed number of queries."""
    return rows.select_related("product", "part", "lot", "station__line__site").prefetch_related(
        "reviews"
    )


def lines_of(case: Nonconformance) -> QuerySet[Contained]:
    parts = Prefetch("inspection", detailed(Inspection.objects.all()))
    return case.lines.select_related("disposition__by").prefetch_related(parts)


def is_frozen(case: Nonconformance) -> bool:
    return case.status not in (Status.OPEN, Status.WITHDRAWN)


def pictures(case: Nonconformance, reader: User) -> list[Picture]:
    """The bad parts that the case rests on, oldest first."""
    findings = Finding.objects.select_related("defect_type").defer("counts").order_by("number")
    verdicts = Verdict.objects.select_related("model_version__product").order_by("-judged_at")
    standing = case.occurrences.filter(status=Standing.STANDS).values("inspection")
    rows = detailed(Inspection.objects.filter(pk__in=standing)).prefetch_related(
        Prefetch("verdicts", verdicts.prefetch_related(Prefetch("findings", findings))),
        "reviews__reviewer",
        "reviews__defect_type",
    )
    return [_picture(inspection, reader) for inspection in rows.order_by("pk")[:PICTURES]]


def _picture(inspection: Inspection, reader: User) -> Picture:
    if is_hidden(inspection, reader):
        return Picture(inspection, None, None)
    held = (look for look in inspection.reviews.all() if look.rules)
    return Picture(inspection, next(iter(inspection.verdicts.all()), None), next(held, None))


def defects(case: Nonconformance) -> list[tuple[str, str, int]]:
    """Name, colour and number of confirmed defects among the parts in doubt; most first."""
    parts: Any = containment.in_doubt(case).order_by().values("pk")
    if is_frozen(case):
        parts = case.lines.order_by().values("inspection")
    rows = (
        Review.objects.filter(rules=True, decision=Evaluation.NOT_OK, inspection__in=parts)
        .order_by()
        .values("defect_type__name", "defect_type__alias", "defect_type__colour")
        .annotate(n=Count("pk"))
        .order_by("-n", "defect_type__name")
    )
    return [
        (
            row["defect_type__alias"] or row["defect_type__name"] or "Without a type",
            row["defect_type__colour"] or "#7f8c99",
            row["n"],
        )
        for row in rows
    ]


def life(case: Nonconformance) -> list[Told]:
    return [told(event) for event in of_nonconformances([case.number])]


def pack(case: Nonconformance, *, reader: User) -> dict[str, Any]:
    """Everything for the sheets, read once."""
    story = life(case)
    drawn: list[Column] = columns(defects(case))
    return {
        "case": case,
        "pictures": pictures(case, reader),
        "bad_parts": case.occurrences.filter(status=Standing.STANDS).count(),
        "lines": lines_of(case)[:LINES] if is_frozen(case) else [],
        "line_count": case.lines.count(),
        "doubted": 0 if is_frozen(case) else containment.in_doubt(case).count(),
        "columns": drawn,
        "dispositions": case.dispositions.select_related("signature", "by", "inspection__part"),
        "actions": case.actions.select_related("owner", "done_by", "checked_by"),
        "story": story,
        "sealed": max((one.event for one in story if one.event.number), key=_seal, default=None),
        "last_good": containment.last_good(case) if case.scope == "STATION" else None,
    }


def _seal(event: Event) -> int:
    return event.number or 0
