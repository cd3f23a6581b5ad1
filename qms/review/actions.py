"""What happens to reviews."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction

from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections.actions import hold_for_review, settle
from qms.inspections.models import Evaluation, Inspection, Verdict
from qms.inspections.models import Status as InspectionStatus
from qms.lifecycle import Refused, StaleMove
from qms.plant.models import DefectType
from qms.review.models import Review, Status
from qms.review.triage import is_drawn, reason_for_review

CLAIM_LASTS = timedelta(minutes=15)
UNDO_LASTS = timedelta(minutes=10)
_TRIES = 20  # more colleagues than that do not claim at the same moment


@transaction.atomic(savepoint=False)
def triage(verdict: Verdict, *, now: datetime) -> Review | None:
    """Settle the inspection at once, or open a review of it. Running twice changes nothing."""
    inspection = verdict.inspection
    if inspection.status != InspectionStatus.JUDGED:
        return Review.objects.filter(inspection=inspection).first()
    share = verdict.recipe.audit_share if verdict.recipe else 0.0
    drawn = is_drawn(inspection.pk, share=share)
    reason = reason_for_review(evaluation=verdict.evaluation, drawn=drawn)
    if not reason:
        settle(inspection, evaluation=verdict.evaluation, now=now, actor=outbox.SYSTEM)
        return None
    return _open(verdict, reason, blind=drawn, now=now)


def _open(verdict: Verdict, reason: str, *, blind: bool, now: datetime) -> Review:
    review = Review.objects.create(
        inspection=verdict.inspection, verdict=verdict, reason=reason, blind=blind, opened_at=now
    )
    hold_for_review(verdict.inspection, evaluation=verdict.evaluation)
    event = catalogue.ReviewOpened(
        inspection_id=verdict.inspection_id, review_id=review.pk, reason=reason
    )
    outbox.publish(event, now=now)
    return review


@transaction.atomic
def claim(review: Review, *, by: User, now: datetime) -> None:
    """Take a review in hand, so that no two people decide one part."""
    review.move(Status.CLAIMED, reviewer=by, claimed_at=now)
    event = catalogue.ReviewClaimed(inspection_id=review.inspection_id, review_id=review.pk)
    outbox.publish(event, now=now, actor=str(by))


def take_next(*, by: User, now: datetime) -> Review | None:
    """What this person has in hand already, or the oldest that nobody else takes first."""
    waiting = Review.objects.exclude(status=Status.DECIDED).order_by("opened_at", "pk")
    if in_hand := waiting.filter(status=Status.CLAIMED, reviewer=by).first():
        return in_hand
    for review in waiting.filter(status=Status.OPEN)[:_TRIES]:
        with suppress(StaleMove):
            claim(review, by=by, now=now)
            return review
    return None


@transaction.atomic
def release(review: Review, *, by: User, now: datetime) -> None:
    """Give a review back to the queue."""
    _hold(review)
    _check_mine(review, by)
    _release(review, now=now, actor=str(by))


def release_forgotten(*, now: datetime) -> int:
    """Give back what was claimed and then left lying."""
    left = Review.objects.filter(status=Status.CLAIMED, claimed_at__lt=now - CLAIM_LASTS)
    with transaction.atomic():
        forgotten = list(left.select_for_update(of=("self",), skip_locked=True))
        for review in forgotten:
            _release(review, now=now, actor=outbox.SYSTEM, forgotten=True)
    return len(forgotten)


def _release(review: Review, *, now: datetime, actor: str, forgotten: bool = False) -> None:
    event = catalogue.ReviewReleased(
        inspection_id=review.inspection_id,
        review_id=review.pk,
        reviewer=str(review.reviewer),
        forgotten=forgotten,
    )
    review.move(Status.OPEN, reviewer=None, claimed_at=None)
    outbox.publish(event, now=now, actor=actor)


@transaction.atomic
def decide(
    review: Review,
    *,
    decision: str,
    by: User,
    now: datetime,
    defect_type: DefectType | None = None,
    note: str = "",
) -> None:
    """The person's answer. It settles the inspection; the model's verdict stays beside it."""
    _hold(review)
    _check_mine(review, by)
    _check_decision(review, decision, defect_type)
    review.move(
        Status.DECIDED, decision=decision, defect_type=defect_type, note=note, decided_at=now
    )
    settle(_locked(review), evaluation=decision, now=now, actor=str(by))
    event = catalogue.ReviewDecided(
        inspection_id=review.inspection_id,
        review_id=review.pk,
        evaluation=decision,
        defect_type_id=defect_type.pk if defect_type else None,
        note=note,
    )
    outbox.publish(event, now=now, actor=str(by))


@transaction.atomic
def undo(review: Review, *, by: User, now: datetime) -> None:
    """Take one's own fresh decision back: the review is in hand again, the inspection open again."""
    _hold(review)
    _check_mine(review, by)
    _check_fresh(review, now)
    review.move(
        Status.CLAIMED, decision="", defect_type=None, note="", decided_at=None, claimed_at=now
    )
    evaluation = review.verdict.evaluation
    hold_for_review(_locked(review), evaluation=evaluation)
    event = catalogue.ReviewUndone(
        inspection_id=review.inspection_id, review_id=review.pk, evaluation=evaluation
    )
    outbox.publish(event, now=now, actor=str(by))


def _locked(review: Review) -> Inspection:
    return Inspection.objects.select_for_update().get(pk=review.inspection_id)


def _hold(review: Review) -> None:
    """Read it anew and hold it still to the end of the transaction: whose it is now counts."""
    now = Review.objects.select_for_update(of=("self",)).get(pk=review.pk)
    for name in ("status", "reviewer_id", "claimed_at", "decision", "decided_at"):
        setattr(review, name, getattr(now, name))


def _check_fresh(review: Review, now: datetime) -> None:
    if review.decided_at and review.decided_at < now - UNDO_LASTS:
        minutes = int(UNDO_LASTS.total_seconds() // 60)
        raise Refused(f"A decision can be taken back for {minutes} minutes; this one is older.")


def _check_mine(review: Review, by: User) -> None:
    if review.status == Status.OPEN:
        raise Refused("Claim this review first, so that nobody else decides it meanwhile.")
    if review.reviewer_id != by.pk:
        raise Refused(f"This review is in the hands of {review.reviewer}.")


def _check_decision(review: Review, decision: str, defect_type: DefectType | None) -> None:
    if decision not in (Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE):
        raise Refused("Decide OK, not OK or not decidable.")
    if defect_type and decision != Evaluation.NOT_OK:
        raise Refused("Only a rejected part has a defect type.")
    if defect_type and defect_type.product_id != review.inspection.product_id:
        raise Refused(f"{defect_type} is not a defect type of this product.")
