"""What the review station shows: the part, its findings, the line that waits, what to compare with.

Reads only, in a fixed and small number of queries.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, FloatField, Min, Q, QuerySet

from qms.accounts.models import User
from qms.inspections.blindness import keeps_from
from qms.inspections.models import Evaluation, Finding, Inspection
from qms.inspections.models import Status as InspectionStatus
from qms.plant.models import DefectType, GoldenPicture
from qms.review.actions import UNDO_LASTS
from qms.review.blind import is_blind
from qms.review.keys import merged
from qms.review.models import FindingAnswer, Kind, Review, Status
from qms.review.opening import queue_of

STRIP = 12  # parts on the filmstrip
AHEAD = 3  # pictures that are fetched before they are wanted
UNDO_SHOWN = timedelta(seconds=10)


class Median(Aggregate):
    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Pace:
    """How much waits, and how quick this person is today."""

    waiting: int
    over_cap: int
    oldest: datetime | None
    decided: int
    median_seconds: float | None


def with_details(rows: QuerySet[Review]) -> QuerySet[Review]:
    return rows.select_related(
        "inspection__product",
        "inspection__part",
        "inspection__lot",
        "inspection__station__line__site",
        "verdict__model_version__product",
        "verdict__recipe__product",
        "reviewer__keymap",
        "of__reviewer",
        "defect_type",
    )


def listed(rows: QuerySet[Review]) -> QuerySet[Review]:
    """With what one line of a list shows, and no more: these are many."""
    near = rows.select_related(
        "inspection__product", "inspection__part", "inspection__station", "verdict", "reviewer"
    )
    return near.defer("verdict__answers", "verdict__description", "verdict__timings_ms")


def waiting_for(person: User) -> QuerySet[Review]:
    return listed(queue_of(person))


def decided_by(person: User) -> QuerySet[Review]:
    rows = listed(Review.objects.filter(status=Status.DECIDED, reviewer=person))
    return rows.select_related("defect_type").order_by("-decided_at")


def pace_of(person: User, *, now: datetime, since: datetime) -> Pace:
    """One look at the line, one at the person's decisions since then."""
    line = (
        queue_of(person)
        .order_by()
        .aggregate(
            waiting=Count("pk"),
            over_cap=Count("pk", filter=Q(over_cap=True)),
            oldest=Min("opened_at"),
        )
    )
    mine = Review.objects.filter(reviewer=person, status=Status.DECIDED, decided_at__gte=since)
    own = mine.aggregate(decided=Count("pk"), median=Median("seconds_spent"))
    return Pace(**line, decided=own["decided"], median_seconds=own["median"])


def shown(review: Review, person: User, *, now: datetime, since: datetime) -> dict[str, Any]:
    """The context of the station's page."""
    looks = _looks_at(review)
    blind = is_blind(review) or any(keeps_from(look, person) for look in looks)
    mine = review.reviewer_id == person.pk
    strip = strip_of(review, person)
    latest = decided_by(person).filter(decided_at__gt=now - UNDO_SHOWN).first()
    return {
        "review": review,
        "inspection": review.inspection,
        "blind": blind,
        "verdict": None if blind else review.verdict,
        "findings": [] if blind else findings_of(review),
        "critical": False if blind else _is_critical(review),
        "mine": mine,
        "defect_types": _types_of(review),
        "pace": pace_of(person, now=now, since=since),
        "strip": strip,
        **_beside(review, strip),
        "compare": _to_compare_with(review),
        "looks": [] if blind else [look for look in looks if _is_told(look, review)],
        "undo_from": now - UNDO_LASTS,
        "latest": latest if latest and latest.pk != review.pk else None,
        "keys": merged(_own_keys(review, person)),
        "now": now,
    }


def strip_of(review: Review, person: User) -> list[Review]:
    """The line as this person will meet it, with the present part in its place."""
    rows = list(waiting_for(person).exclude(pk=review.pk)[:STRIP])
    return sorted([review, *rows], key=_place) if review.status != Status.DECIDED else rows


def _place(review: Review) -> tuple[bool, int, datetime, int]:
    return review.over_cap, -review.priority, review.opened_at, review.pk


def _beside(review: Review, strip: list[Review]) -> dict[str, Any]:
    places = [look.pk for look in strip]
    at = places.index(review.pk) if review.pk in places else -1
    return {
        "following": strip[at + 1] if at + 1 < len(strip) else None,
        "preceding": strip[at - 1] if at > 0 else None,
        "ahead": [look for look in strip[at + 1 :] if look.pk != review.pk][:AHEAD],
    }


@dataclass(frozen=True)
class Shown:
    """A finding, and what this person has said of it."""

    finding: Finding
    answer: FindingAnswer | None


def findings_of(review: Review) -> list[Shown]:
    rows = review.verdict.findings.select_related("defect_type").defer("counts")
    said = {one.finding_id: one for one in _answers(review)}
    return [Shown(finding, said.get(finding.pk)) for finding in rows]


def _answers(review: Review) -> QuerySet[FindingAnswer] | list[FindingAnswer]:
    if review.status != Status.DECIDED:
        return []
    return review.finding_answers.select_related("defect_type")


def _is_critical(review: Review) -> bool:
    return review.reason == "CRITICAL"


def _types_of(review: Review) -> QuerySet[DefectType]:
    return DefectType.objects.filter(product=review.product_id, active=True)


@dataclass(frozen=True)
class Reference:
    """Something good to compare with."""

    name: str
    golden: GoldenPicture | None = None
    inspection: Inspection | None = None


def _to_compare_with(review: Review) -> list[Reference]:
    goldens = GoldenPicture.objects.filter(product=review.product_id, retired_at=None)
    found = [Reference(f"Golden {one.view}".strip(), golden=one) for one in goldens]
    before = Inspection.objects.filter(
        product=review.product_id,
        station=review.station_id,
        status=InspectionStatus.SETTLED,
        evaluation=Evaluation.OK,
        id__lt=review.inspection_id,
    )
    if previous := before.order_by("-id").only("pk").first():
        found.append(Reference("Previous good part", inspection=previous))
    return found


def _looks_at(review: Review) -> list[Review]:
    """All looks at this part. While it is judged for the first time there is no other one."""
    if review.kind in (Kind.VERIFY, Kind.AUDIT) and review.status != Status.DECIDED:
        return []
    looks = Review.objects.filter(inspection=review.inspection_id)
    return list(
        looks.select_related("reviewer", "defect_type", "verdict").order_by("decided_at", "pk")
    )


def _is_told(look: Review, beside: Review) -> bool:
    """What others said, but not what only measures people."""
    settles = look.kind not in (Kind.REPEAT, Kind.STUDY)
    return settles and look.status == Status.DECIDED and look.pk != beside.pk


def _own_keys(review: Review, person: User) -> dict[str, str]:
    """The reviewer's keys came with the review: no further query where it is their own."""
    if review.reviewer_id != person.pk or review.reviewer is None:
        return {}
    keymap = getattr(review.reviewer, "keymap", None)
    return keymap.keys if keymap else {}
