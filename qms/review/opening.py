"""How reviews come to be: by triage, by a doubt, by chance; and the line in which they wait."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from qms.accounts.models import User
from qms.accounts.roles import Role, has_role
from qms.events import catalogue, outbox
from qms.inspections.actions import hold_for_review, settle
from qms.inspections.models import Inspection, Verdict
from qms.inspections.models import Status as InspectionStatus
from qms.lifecycle import Refused
from qms.plant.models import DefectType
from qms.plant.recipes import Recipe
from qms.review.consistency import Marked
from qms.review.models import FIRST_LOOKS, Kind, Priority, Reason, Review, Status
from qms.review.triage import Policy, Route, Seen, draw, route, uniform

OPINIONS = (Kind.VERIFY, Kind.AUDIT, Kind.SECOND_OPINION)
REPEAT_AFTER, REPEAT_WITHIN = timedelta(hours=1), timedelta(days=30)
REPEAT_AMONG = 200  # of a person's latest looks: more are not read to choose one
LINE = ("over_cap", "-priority", "opened_at", "pk")  # the order in which reviews are taken


def queue_of(person: User) -> QuerySet[Review]:
    """What this person may take, in the order in which it is taken."""
    mine = Q(assigned_to=None) | Q(assigned_to=person)
    rows = Review.objects.filter(mine, status=Status.OPEN).order_by(*LINE)
    if not has_role(person, Role.LEAD):
        return rows.exclude(kind=Kind.SECOND_OPINION)
    return rows.exclude(kind=Kind.SECOND_OPINION, of__reviewer=person)


@transaction.atomic(savepoint=False)
def triage(verdict: Verdict, *, now: datetime) -> Review | None:
    """Settle the inspection at once, or open a review of it. Running twice changes nothing."""
    inspection = verdict.inspection
    if inspection.status != InspectionStatus.JUDGED:
        return Review.objects.filter(inspection=inspection, kind__in=FIRST_LOOKS).first()
    found = route(_seen(verdict), _policy(verdict.recipe), draw=draw(inspection.pk))
    if found is None:
        settle(inspection, evaluation=verdict.evaluation, now=now, actor=outbox.SYSTEM)
        return None
    hold_for_review(inspection, evaluation=verdict.evaluation)
    return _first_look(verdict, found, now=now)


def _first_look(verdict: Verdict, found: Route, *, now: datetime) -> Review:
    critical = found.reason == Reason.CRITICAL
    return _open(
        verdict,
        now=now,
        kind=Kind.AUDIT if found.audit else Kind.VERIFY,
        reason=found.reason,
        why=list(found.why),
        blind=found.blind,
        stratum=found.stratum,
        probability=found.probability,
        # A blind look in front of the others would tell what the model thought.
        priority=Priority.URGENT if critical and not found.blind else Priority.NORMAL,
        over_cap=not critical and _is_over_cap(verdict, now),
    )


def _open(
    verdict: Verdict, *, now: datetime, actor: str = outbox.SYSTEM, **words: object
) -> Review:
    inspection = verdict.inspection
    review = Review.objects.create(
        inspection=inspection,
        verdict=verdict,
        product_id=inspection.product_id,
        station_id=inspection.station_id,
        opened_at=now,
        **words,
    )
    event = catalogue.ReviewOpened(
        inspection_id=inspection.pk, review_id=review.pk, reason=review.reason, kind=review.kind
    )
    outbox.publish(event, now=now, actor=actor)
    return review


def _seen(verdict: Verdict) -> Seen:
    findings = verdict.findings.select_related("defect_type").defer("counts", "contour")
    types = DefectType.objects.filter(product=verdict.inspection.product_id, active=True)
    return Seen(
        evaluation=verdict.evaluation,
        score=verdict.score,
        threshold_ok=verdict.threshold_ok,
        threshold_not_ok=verdict.threshold_not_ok,
        description=verdict.description,
        marked=[_marked(one.defect_type, one.cell) for one in findings],
        known_types=list(types.values_list("code", flat=True)),
    )


def _marked(kind: DefectType | None, cell: str) -> Marked:
    if kind is None:
        return Marked(cell=cell)
    return Marked(code=kind.code, name=str(kind), critical=kind.is_critical, cell=cell)


def _policy(recipe: Recipe | None) -> Policy:
    if recipe is None:
        return Policy()
    return Policy(
        not_ok=recipe.route_not_ok,
        uncertain=recipe.route_uncertain,
        contradiction=recipe.route_contradiction,
        new_defect=recipe.route_new_defect,
        critical=recipe.route_critical,
        audit_share=recipe.audit_share,
    )


def _is_over_cap(verdict: Verdict, now: datetime) -> bool:
    """Were as many opened as the recipe allows? Workers side by side may pass it by a few."""
    recipe = verdict.recipe
    if recipe is None:
        return False
    opened = Review.objects.filter(
        product=verdict.inspection.product_id, kind__in=FIRST_LOOKS, over_cap=False
    )
    if recipe.station_id:
        opened = opened.filter(station=recipe.station_id)
    caps = (
        (recipe.cap_minute, timedelta(minutes=1)),
        (recipe.cap_hour, timedelta(hours=1)),
        (recipe.cap_day, timedelta(days=1)),
    )
    return any(
        cap is not None and opened.filter(opened_at__gt=now - time).count() >= cap
        for cap, time in caps
    )


# --- further looks ---


def ask_a_lead_if_unsure(review: Review, *, now: datetime) -> None:
    """The first person could not tell: where the recipe says so, a lead looks, if there is another."""
    recipe = review.verdict.recipe
    if (recipe is None or recipe.route_unsure) and _other_leads(review.reviewer):
        why = f"{review.reviewer} could not decide." + (f" “{review.note}”" if review.note else "")
        second_opinion(review, Reason.UNSURE, why, now=now, actor=str(review.reviewer))


def _other_leads(person: User | None) -> bool:
    leads = Q(groups__name=Role.LEAD) | Q(is_superuser=True)
    others = User.objects.filter(leads, is_active=True)
    return any(one != person for one in others.distinct()[:2])


def second_opinion(review: Review, reason: str, why: str, *, now: datetime, actor: str) -> Review:
    """Open it, and the inspection with it. The first answer holds until the second is given."""
    inspection = Inspection.objects.select_for_update().get(pk=review.inspection_id)
    if inspection.status != InspectionStatus.SETTLED:
        raise Refused("Somebody is still to decide this part: wait for the answer.")
    hold_for_review(inspection, evaluation=inspection.evaluation)
    return _open(
        review.verdict,
        now=now,
        actor=actor,
        kind=Kind.SECOND_OPINION,
        reason=reason,
        why=[why],
        of=review,
        priority=Priority.URGENT,
    )


def withdraw_later_looks(review: Review, *, now: datetime, actor: str) -> None:
    """A second opinion of an answer that is taken back is not needed any more.

    Refused once somebody has begun with it.
    """
    later = Review.objects.select_for_update().filter(of=review, kind=Kind.SECOND_OPINION)
    for look in later.exclude(status=Status.WITHDRAWN):
        if look.status != Status.OPEN:
            raise Refused("A second opinion is under way: what you said stands beside it.")
        look.move(Status.WITHDRAWN)
        event = catalogue.ReviewWithdrawn(inspection_id=look.inspection_id, review_id=look.pk)
        outbox.publish(event, now=now, actor=actor)
        inspection = Inspection.objects.select_for_update().get(pk=look.inspection_id)
        settle(inspection, evaluation=inspection.evaluation, now=now, actor=actor)


def board_look(verdict: Verdict, *, by: User, now: datetime) -> Review:
    """The row of a ruling: in the board's hands from its first moment."""
    inspection = Inspection.objects.select_for_update().get(pk=verdict.inspection_id)
    if inspection.status != InspectionStatus.SETTLED:
        raise Refused("Somebody is still to decide this part: wait for the answer.")
    return Review.objects.create(
        inspection=inspection,
        verdict=verdict,
        product_id=inspection.product_id,
        station_id=inspection.station_id,
        kind=Kind.BOARD,
        reason=Reason.BOARD,
        status=Status.CLAIMED,
        reviewer=by,
        opened_at=now,
        claimed_at=now,
        heartbeat_at=now,
    )


def due_repeat(*, by: User, now: datetime) -> Review | None:
    """Now and then a part that this person judged before comes again, blind and unannounced.

    Chance is drawn from the person's last decision, so asking twice gives the same answer, by the
    share of the recipe that this last part was judged by.
    """
    begun = Review.objects.filter(kind=Kind.REPEAT, assigned_to=by, status=Status.OPEN)
    if again := begun.first():
        return again
    mine = Review.objects.filter(reviewer=by, status=Status.DECIDED).order_by("-decided_at")
    last = mine.select_related("verdict__recipe").first()
    if last is None or last.kind == Kind.REPEAT or not _drawn_again(last):
        return None
    old = mine.filter(
        product=last.product_id,
        kind__in=FIRST_LOOKS,
        decided_at__range=(now - REPEAT_WITHIN, now - REPEAT_AFTER),
    )
    rows = list(old.exclude(later_looks__kind=Kind.REPEAT)[:REPEAT_AMONG])
    if not rows:
        return None
    chosen = rows[int(len(rows) * uniform("which", str(last.pk).encode()))]
    return _open(
        chosen.verdict,
        now=now,
        kind=Kind.REPEAT,
        reason=Reason.REPEAT,
        why=["You judged this part before: do you judge it the same way?"],
        blind=True,
        of=chosen,
        assigned_to=by,
    )


def _drawn_again(last: Review) -> bool:
    share = last.verdict.recipe.repeat_share if last.verdict.recipe else 0.0
    return uniform("repeat", str(last.pk).encode()) < share
