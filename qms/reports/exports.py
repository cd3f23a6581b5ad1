"""Every result as CSV, streamed. Text that a spreadsheet would take for a formula is disarmed."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from qms.accounts.models import User
from qms.inspections.blindness import is_hidden
from qms.inspections.models import Finding, Inspection, Verdict
from qms.reports.queries import stream
from qms.review.looks import first_or_holding
from qms.review.models import Review

COLUMNS = [
    "inspection",
    "external_id",
    "product",
    "serial",
    "lot",
    "station",
    "captured_at",
    "received_at",
    "settled_at",
    "state",
    "evaluation",
    "model_evaluation",
    "score",
    "probability",
    "threshold_ok",
    "threshold_not_ok",
    "model",
    "model_sha256",
    "findings",
    "defect_types",
    "area_px",
    "description",
    "review_reason",
    "reviewer",
    "review_decision",
    "review_defect_type",
    "review_outcome",
    "review_note",
    "picture_sha256",
    "simulated",
    "error",
]


def csv_lines(rows: QuerySet[Inspection], *, reader: User | None = None) -> Iterator[str]:
    """The header, then one line per inspection; what its reader is to judge blind tells nothing."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for inspection in stream(rows):
        hidden = is_hidden(inspection, reader)
        yield writer.writerow([_cell(value) for value in _line(inspection, hidden)])


def _line(row: Inspection, hidden: bool) -> list[Any]:
    verdict = None if hidden else next(iter(row.verdicts.all()), None)
    review = None if hidden else first_or_holding(row)
    return [
        row.pk,
        row.external_id,
        row.product.code,
        row.serial,
        row.lot.number if row.lot else "",
        row.station.code if row.station else "",
        row.captured_at,
        row.received_at,
        row.settled_at,
        row.status,
        "" if hidden else row.evaluation,
        *_of_verdict(verdict),
        *_of_review(review),
        row.picture_sha256,
        row.is_simulated,
        row.error,
    ]


def _of_verdict(verdict: Verdict | None) -> list[Any]:
    if verdict is None:
        return [""] * 11
    findings: list[Finding] = list(verdict.findings.all())
    return [
        verdict.evaluation,
        verdict.score,
        verdict.probability,
        verdict.threshold_ok,
        verdict.threshold_not_ok,
        f"{verdict.model_version}",
        verdict.model_version.sha256,
        len(findings),
        "+".join(f.defect_type.code if f.defect_type else "unknown" for f in findings),
        sum(finding.area_px for finding in findings),
        verdict.description,
    ]


def _of_review(review: Review | None) -> list[Any]:
    if review is None:
        return [""] * 6
    return [
        review.reason,
        review.reviewer or "",
        review.decision,
        review.defect_type.code if review.defect_type else "",
        review.outcome,
        review.note,
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class _Echo:
    """A file that gives back what is written to it, for csv.writer to stream through."""

    def write(self, text: str) -> str:
        return text
