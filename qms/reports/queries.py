"""Numbers over inspections and reviews. Reads all, changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Prefetch, Q, QuerySet

from qms.events import deadletters
from qms.inspections.models import Evaluation, Finding, Inspection, Status, Verdict
from qms.labels import queues
from qms.partitions import first_key
from qms.review import models as review


@dataclass(frozen=True)
class Counts:
    """The start page's numbers. ``oldest_waiting`` is the age of the oldest unjudged picture."""

    inspected: int
    ok: int
    not_ok: int
    not_decidable: int
    undefined: int
    waiting_for_verdict: int
    waiting_for_review: int
    waiting_for_annotator: int
    failed: int
    dead_letters: int
    oldest_waiting: timedelta | None


def counts(*, now: datetime, since: datetime) -> Counts:
    """Inspections received since then by their present evaluation, and what waits now."""
    rows = Inspection.objects.filter(id__gte=first_key(since))
    by_evaluation = dict(rows.values_list("evaluation").annotate(n=Count("pk")).order_by())
    unjudged = Inspection.objects.filter(status=Status.SUBMITTED)
    oldest = unjudged.aggregate(oldest=Min("received_at"))["oldest"]
    return Counts(
        inspected=sum(by_evaluation.values()),
        ok=by_evaluation.get(Evaluation.OK, 0),
        not_ok=by_evaluation.get(Evaluation.NOT_OK, 0),
        not_decidable=by_evaluation.get(Evaluation.NOT_DECIDABLE, 0),
        undefined=by_evaluation.get(Evaluation.UNDEFINED, 0),
        waiting_for_verdict=unjudged.count(),
        waiting_for_review=review.Review.objects.filter(status__in=("OPEN", "CLAIMED")).count(),
        waiting_for_annotator=queues.waiting(),
        failed=Inspection.objects.filter(status=Status.FAILED).count(),
        dead_letters=deadletters.waiting(),
        oldest_waiting=now - oldest if oldest else None,
    )


@dataclass(frozen=True)
class ProductYield:
    product: str
    inspected: int
    ok: int
    not_ok: int
    open: int

    @property
    def share_ok(self) -> float | None:
        """OK by decided; what is not decided yet is no part of it."""
        decided = self.ok + self.not_ok
        return self.ok / decided if decided else None


def by_product(*, since: datetime) -> list[ProductYield]:
    rows = (
        Inspection.objects.filter(id__gte=first_key(since))
        .values("product__code")
        .annotate(
            n=Count("pk"),
            ok=Count("pk", filter=Q(evaluation=Evaluation.OK)),
            not_ok=Count("pk", filter=Q(evaluation=Evaluation.NOT_OK)),
        )
        .order_by("product__code")
    )
    return [
        ProductYield(
            r["product__code"], r["n"], r["ok"], r["not_ok"], r["n"] - r["ok"] - r["not_ok"]
        )
        for r in rows
    ]


def whole(rows: QuerySet[Inspection]) -> QuerySet[Inspection]:
    """Inspections with all that a line of the export tells, in a fixed number of queries."""
    findings = Prefetch("findings", Finding.objects.select_related("defect_type"))
    verdicts = Verdict.objects.select_related("model_version").order_by("-judged_at")
    return rows.select_related("product", "part", "lot", "station").prefetch_related(
        Prefetch("verdicts", verdicts.prefetch_related(findings)),
        "reviews__reviewer",
        "reviews__defect_type",
        "reviews__verdict",
    )


def stream(rows: QuerySet[Inspection], *, slice_size: int = 1000) -> Iterator[Inspection]:
    """All rows, newest first, in slices by key: no long snapshot that would slow the queue."""
    rows = whole(rows.order_by("-id"))
    below = None
    while True:
        part = list((rows.filter(id__lt=below) if below else rows)[:slice_size])
        yield from part
        if len(part) < slice_size:
            return
        below = part[-1].pk
