"""Decided looks at parts, as the study of agreement counts them."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from qms.accounts.models import User
from qms.plant.models import Product
from qms.registry.models import ModelVersion
from qms.registry.models import Status as ModelStatus
from qms.reports.appraisers import Agreement, Look, agree
from qms.reports.periods import Period
from qms.review.models import RANK, Review, Status, Study

MOST_LOOKS = 20_000  # the newest: more are not read for one page
BLIND, ALL = "blind", "all"


def decided_looks() -> QuerySet[Review]:
    """Of parts that nobody is still to judge blind: what was said of those stays untold."""
    pending = Review.objects.filter(
        inspection=OuterRef("inspection"), blind=True, status__in=(Status.OPEN, Status.CLAIMED)
    )
    return Review.objects.filter(~Exists(pending), status=Status.DECIDED)


def agreement_of(product: Product, period: Period, *, which: str) -> Agreement:
    """Of all parts at which somebody looked in these days."""
    rows = decided_looks().filter(
        product=product, decided_at__gte=period.since, decided_at__lt=period.until
    )
    newest = rows.order_by("-pk").values("pk")[:MOST_LOOKS]
    parts = Review.objects.filter(pk__in=newest).values("inspection")
    at_parts = _read(decided_looks().filter(inspection__in=parts))
    judge = _active(product)
    every = [_look(row, judge) for row in at_parts]
    counts = [which == ALL or row.blind for row in at_parts]
    counted = [look for look, does in zip(every, counts, strict=True) if does]
    beside = [look for look, does in zip(every, counts, strict=True) if not does]
    return agree(counted, beside=beside, again=every)


def agreement_in(study: Study) -> Agreement:
    """Of one study; what was said of its parts elsewhere may still tell the truth."""
    own, beside = looks_of(study)
    return agree(own, beside=beside)


def looks_of(study: Study) -> tuple[list[Look], list[Look]]:
    """The study's own decided looks, and those beside them."""
    mine = Review.objects.filter(study=study, status=Status.DECIDED)
    parts = Review.objects.filter(study=study).values("inspection")
    judge = _active(study.product)
    others = Review.objects.filter(inspection__in=parts, status=Status.DECIDED)
    return (
        [_look(row, judge) for row in _read(mine)],
        [_look(row, judge) for row in _read(others.exclude(study=study))],
    )


@dataclass(frozen=True)
class Progress:
    """How far one person is."""

    person: User
    decided: int
    of: int

    @property
    def is_done(self) -> bool:
        return self.decided >= self.of


def progress_of(study: Study) -> list[Progress]:
    looks = Review.objects.filter(study=study).select_related("assigned_to")
    decided: dict[User, int] = {}
    for look in looks.order_by("assigned_to__username"):
        if look.assigned_to:
            decided.setdefault(look.assigned_to, 0)
            decided[look.assigned_to] += look.status == Status.DECIDED
    return [Progress(person, n, study.parts * study.trials) for person, n in decided.items()]


def _active(product: Product) -> int | None:
    found = ModelVersion.objects.filter(product=product, status=ModelStatus.ACTIVE)
    return found.values_list("pk", flat=True).first()


def _read(rows: QuerySet[Review]) -> list[Review]:
    return list(rows.select_related("reviewer", "verdict").order_by("decided_at", "pk"))


def _look(review: Review, judge: int | None) -> Look:
    said = review.verdict.evaluation if review.verdict.model_version_id == judge else ""
    return Look(
        part=review.inspection_id,
        person=str(review.reviewer),
        said=review.decision,
        at=review.decided_at or review.opened_at,
        model=said,
        rank=RANK.get(review.kind, 0),
        holds=review.rules,
        trial=review.trial,
    )
