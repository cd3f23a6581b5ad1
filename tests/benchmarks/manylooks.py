"""A house with a past: many inspections, many decisions, a long queue. Needs Django set up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from qms.accounts.actions import give_roles
from qms.accounts.models import User
from qms.inspections.models import Finding, Inspection, Status, Verdict
from qms.partitions import key_at
from qms.plant.actions import ensure_station
from qms.plant.recipes import Recipe
from qms.registry.models import ModelVersion
from qms.review.models import Review

AT_ONCE = 2000
PASSWORD = "a long password"


def people(number: int) -> list[User]:
    """Inspectors who can sign in."""
    found = []
    for n in range(number):
        person = User.objects.create_user(f"p{n}", password=PASSWORD)
        give_roles(person, "inspector")
        found.append(person)
    return found


def fill(*, settled: int, decided: int, waiting: int, by: Sequence[User]) -> None:
    """So many inspections that nobody had to see, that people decided, and that wait for them."""
    sample = Inspection.objects.select_related("product").order_by("id")[:1].get()
    now, number = timezone.now(), settled + decided + waiting
    since = now.replace(day=1, hour=0, minute=0)  # within the slices that there are
    moments = [since + (now - since) * (n / number) for n in range(number)]
    maker = _Maker(sample, by)
    for start in range(0, number, AT_ONCE):
        part = range(start, min(start + AT_ONCE, number))
        kinds = ["waiting" if n >= settled + decided else _kind(n, settled, decided) for n in part]
        maker.make([moments[n] for n in part], kinds)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _kind(n: int, settled: int, decided: int) -> str:
    """Decisions evenly among what nobody saw."""
    every = (settled + decided) // max(decided, 1)
    return "decided" if decided and n % every == 0 else "settled"


class _Maker:
    """Rows in bulk, as the actions would have left them."""

    def __init__(self, sample: Inspection, by: Sequence[User]) -> None:
        self.sample, self.by = sample, by
        self.version = ModelVersion.active_for(sample.product)
        self.recipe = Recipe.current_for(sample.product)
        self.stations = [ensure_station(f"CAM-{n}") for n in range(20)]

    def make(self, moments: Sequence[datetime], kinds: Sequence[str]) -> None:
        rows = [self._inspection(*pair) for pair in zip(moments, kinds, strict=True)]
        Inspection.objects.bulk_create(rows)
        verdicts = [self._verdict(row) for row in rows]
        Verdict.objects.bulk_create(verdicts)
        seen = [(v, k) for v, k in zip(verdicts, kinds, strict=True) if k != "settled"]
        Finding.objects.bulk_create([self._finding(verdict) for verdict, _ in seen])
        Review.objects.bulk_create([self._review(*pair) for pair in seen])

    def _inspection(self, moment: datetime, kind: str) -> Inspection:
        key, waits, seen = key_at(moment, uuid4()), kind == "waiting", kind != "settled"
        return Inspection(
            id=key,
            product=self.sample.product,
            station=self.stations[key.int % len(self.stations)],
            source=self.sample.source,
            status=Status.IN_REVIEW if waits else Status.SETTLED,
            settled_at=None if waits else moment,
            evaluation="NOT_OK" if seen else "OK",
            score=0.9 if seen else 0.1,
            picture_key=self.sample.picture_key,
            picture_sha256=self.sample.picture_sha256,
            width=self.sample.width,
            height=self.sample.height,
            captured_at=moment,
            received_at=moment,
        )

    def _verdict(self, inspection: Inspection) -> Verdict:
        return Verdict(
            id=Verdict.key_of(inspection.pk, self.version.pk),
            inspection=inspection,
            model_version=self.version,
            recipe=self.recipe,
            evaluation=inspection.evaluation,
            score=inspection.score,
            probability=0.9,
            threshold_ok=0.2,
            threshold_not_ok=0.5,
            heatmap_key="none",
            description="A suspicious region was found in the centre.",
            width=inspection.width,
            height=inspection.height,
            judged_at=inspection.received_at,
        )

    def _finding(self, verdict: Verdict) -> Finding:
        return Finding(
            id=Finding.key_of(verdict.pk, 1),
            verdict=verdict,
            number=1,
            score=verdict.score,
            x=8, y=8, width=16, height=16,
            contour=[[8, 8], [24, 8], [24, 24], [8, 24]],
            counts=[0],
            area_px=256,
            contrast=0.5,
            elongation=1.0,
            cell="centre",
        )  # fmt: skip

    def _review(self, verdict: Verdict, kind: str) -> Review:
        inspection, now = verdict.inspection, verdict.judged_at
        review = Review(
            inspection=inspection,
            verdict=verdict,
            product=inspection.product,
            station=inspection.station,
            reason="NOT_OK",
            why=["Its score 0.9 reaches the not-OK threshold 0.5."],
            opened_at=now,
        )
        if kind == "decided":
            review.status, review.decision, review.rules = "DECIDED", "NOT_OK", True
            review.reviewer = self.by[inspection.pk.int % len(self.by)]
            review.claimed_at = review.heartbeat_at = now + timedelta(minutes=1)
            review.decided_at, review.seconds_spent = now + timedelta(minutes=2), 6.0
        return review
