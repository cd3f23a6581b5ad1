"""What happens to reviews: opened, claimed, decided, taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from qms.accounts.models import User
from qms.accounts.roles import Role, has_role
from qms.events import catalogue, outbox
from qms.inspections.actions import hold_for_review
from qms.inspections.models import Evaluation, Finding, Verdict
from qms.lifecycle import Refused, StaleMove
from qms.plant.models import DefectType
from qms.review import opening, ruling
from qms.review.models import FindingAnswer, Kind, Reason, Review, Status

CLAIM_LASTS = timedelta(seconds=60)  # after the last sign of life of the page
UNDO_LASTS = timedelta(minutes=10)
LONGEST_NOTE = 1000


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person says of one finding."""

    finding: Finding
    is_defect: bool
    defect_type: DefectType | None = None


@transaction.atomic
def claim(review: Review, *, by: User, now: datetime) -> None:
    """Take a review in hand, so that no two people decide one part."""
    _hold(review)
    _claim(review, by=by, now=now)


def _claim(review: Review, *, by: User, now: datetime) -> None:
    _check_may_claim(review, by)
    review.move(Status.CLAIMED, reviewer=by, claimed_at=now, heartbeat_at=now)
    event = catalogue.ReviewClaimed(inspection_id=review.inspection_id, review_id=review.pk)
    outbox.publish(event, now=now, actor=str(by))


@transaction.atomic
def take_next(*, by: User, now: datetime) -> Review | None:
    """What this person has in hand already, a silent repeat if one is due, or the next in line.

    A row that a colleague is taking at this moment is passed over, so nobody waits for anybody.
    """
    _one_at_a_time(by)
    mine = Review.objects.filter(status=Status.CLAIMED, reviewer=by).order_by("claimed_at", "pk")
    if in_hand := mine.first():
        return in_hand
    if again := opening.due_repeat(by=by, now=now):
        _claim(again, by=by, now=now)
        return again
    first = opening.queue_of(by).select_for_update(of=("self",), skip_locked=True).first()
    if first:
        _claim(first, by=by, now=now)
    return first


def _one_at_a_time(person: User) -> None:
    """Two windows of one person do not draw two repeats at once."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=person.pk)


def beat(review: Review, *, by: User, now: datetime) -> bool:
    """The page is still open before this person. False: the review is in other hands by now."""
    held = Review.objects.filter(pk=review.pk, status=Status.CLAIMED, reviewer=by)
    return held.update(heartbeat_at=now) == 1


@transaction.atomic
def go(review: Review, to: Review, *, by: User, now: datetime) -> None:
    """Leave a part for later and take another one; if that is gone, the first one stays in hand."""
    claim(to, by=by, now=now)
    if Review.objects.filter(pk=review.pk, status=Status.CLAIMED, reviewer=by).exists():
        release(review, by=by, now=now)


@transaction.atomic
def release(review: Review, *, by: User, now: datetime) -> None:
    """Give a review back to the queue."""
    _hold(review)
    _check_mine(review, by)
    _release(review, now=now, actor=str(by))


def release_forgotten(*, now: datetime) -> int:
    """Give back what was claimed and whose page has fallen silent."""
    silent = Q(heartbeat_at__lt=now - CLAIM_LASTS) | Q(heartbeat_at=None)
    left = Review.objects.filter(silent, status=Status.CLAIMED)
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
    review.move(Status.OPEN, reviewer=None, claimed_at=None, heartbeat_at=None)
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
    findings: Sequence[Said] = (),
    seconds: float | None = None,
) -> None:
    """The person's answer. The answer that holds settles the inspection; all others stay beside it.

    ``seconds`` is how long the part was before this person's eyes, as the page measured it.
    """
    _hold_with_its_part(review)
    _check_mine(review, by)
    _check_decision(review, decision, defect_type)
    _check_findings(review.verdict, decision, findings)
    spent = (now - (review.claimed_at or now)).total_seconds()
    review.move(
        Status.DECIDED,
        decision=decision,
        defect_type=defect_type,
        note=note,
        decided_at=now,
        seconds_spent=min(seconds, spent) if seconds is not None and seconds > 0 else spent,
    )
    answers = [_answer(review, said) for said in findings]
    FindingAnswer.objects.bulk_create(answers)
    ruling.settle(review, now=now, actor=str(by))
    outbox.publish(_decided(review, answers), now=now, actor=str(by))
    if decision == Evaluation.NOT_DECIDABLE and review.kind in (Kind.VERIFY, Kind.AUDIT):
        opening.ask_a_lead_if_unsure(review, now=now)


def _answer(review: Review, said: Said) -> FindingAnswer:
    kind = said.defect_type if said.is_defect else None
    return FindingAnswer(
        review=review, finding=said.finding, is_defect=said.is_defect, defect_type=kind
    )


def _decided(review: Review, answers: Sequence[FindingAnswer]) -> catalogue.ReviewDecided:
    return catalogue.ReviewDecided(
        inspection_id=review.inspection_id,
        review_id=review.pk,
        evaluation=review.decision,
        defect_type_id=review.defect_type_id,
        note=review.note,
        kind=review.kind,
        findings=[answer.as_told() for answer in answers],
    )


@transaction.atomic
def undo(review: Review, *, by: User, now: datetime) -> None:
    """Take one's own fresh decision back: the review is in hand again, the inspection open again."""
    _hold_with_its_part(review)
    _check_mine(review, by)
    if review.kind == Kind.BOARD:
        raise Refused("A ruling of the board was signed: only another ruling can correct it.")
    _check_fresh(review, now)
    opening.withdraw_later_looks(review, now=now, actor=str(by))
    review.finding_answers.all().delete()
    review.move(
        Status.CLAIMED,
        decision="",
        defect_type=None,
        note="",
        decided_at=None,
        seconds_spent=None,
        rules=False,
        claimed_at=now,
        heartbeat_at=now,
    )
    evaluation = ruling.reopen(review)
    event = catalogue.ReviewUndone(
        inspection_id=review.inspection_id,
        review_id=review.pk,
        evaluation=evaluation,
        kind=review.kind,
    )
    outbox.publish(event, now=now, actor=str(by))


@transaction.atomic
def ask_second_opinion(review: Review, *, by: User, now: datetime, why: str) -> Review:
    """Somebody else, a lead, is to look at a decided part."""
    _hold_with_its_part(review)
    if review.status != Status.DECIDED or review.kind not in opening.OPINIONS:
        raise Refused("Only of a decided part can a second opinion be asked for.")
    if not review.rules:
        raise Refused("Another answer holds by now: ask for a second opinion of that one.")
    return opening.second_opinion(
        review, Reason.ASKED, f"{by} asks: {why.strip()}", now=now, actor=str(by)
    )


@transaction.atomic
def rule(
    verdict: Verdict,
    *,
    decision: str,
    by: User,
    now: datetime,
    defect_type: DefectType | None = None,
    note: str,
) -> Review:
    """The board's word on a part: it stands above all others."""
    review = opening.board_look(verdict, by=by, now=now)
    _check_decision(review, decision, defect_type)
    review.move(
        Status.DECIDED, decision=decision, defect_type=defect_type, note=note, decided_at=now
    )
    inspection = ruling.locked(review)
    hold_for_review(inspection, evaluation=inspection.evaluation)
    ruling.settle(review, now=now, actor=str(by))
    outbox.publish(_decided(review, ()), now=now, actor=str(by))
    return review


@transaction.atomic
def want_correction(review: Review, *, by: User, now: datetime) -> None:
    """Ask that an annotator draws what the model should have seen."""
    event = catalogue.CorrectionWanted(inspection_id=review.inspection_id, review_id=review.pk)
    outbox.publish(event, now=now, actor=str(by))


def _hold(review: Review) -> None:
    """Read it anew and hold it still to the end of the transaction: whose it is now counts."""
    now = Review.objects.select_for_update(of=("self",)).get(pk=review.pk)
    for name in ("status", "reviewer_id", "claimed_at", "decision", "decided_at", "rules"):
        setattr(review, name, getattr(now, name))


def _hold_with_its_part(review: Review) -> None:
    """The part first, in every action that may settle it: so two of them never wait in a circle."""
    ruling.locked(review)
    _hold(review)


def _check_may_claim(review: Review, by: User) -> None:
    if review.status == Status.WITHDRAWN:
        raise StaleMove("This review is no longer needed: the answer it doubted was taken back.")
    if review.status != Status.OPEN:
        raise StaleMove(f"This part is in the hands of {review.reviewer}: take another one.")
    if review.assigned_to_id not in (None, by.pk):
        raise Refused("This part is laid before somebody else.")
    if review.kind == Kind.SECOND_OPINION:
        if not has_role(by, Role.LEAD):
            raise Refused("A second opinion is for a lead.")
        if review.of and review.of.reviewer_id == by.pk:
            raise Refused("You gave the first answer: somebody else gives the second opinion.")


def _check_fresh(review: Review, now: datetime) -> None:
    if review.decided_at and review.decided_at < now - UNDO_LASTS:
        minutes = int(UNDO_LASTS.total_seconds() // 60)
        raise Refused(f"A decision can be taken back for {minutes} minutes; this one is older.")


def _check_mine(review: Review, by: User) -> None:
    if review.status in (Status.OPEN, Status.WITHDRAWN):
        raise Refused("Claim this review first, so that nobody else decides it meanwhile.")
    if review.reviewer_id != by.pk:
        raise Refused(f"This review is in the hands of {review.reviewer}.")


def _check_decision(review: Review, decision: str, defect_type: DefectType | None) -> None:
    if decision not in (Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE):
        raise Refused("Decide OK, not OK or not decidable.")
    if defect_type and decision != Evaluation.NOT_OK:
        raise Refused("Only a rejected part has a defect type.")
    if defect_type and defect_type.product_id != review.product_id:
        raise Refused(f"{defect_type} is not a defect type of this product.")


def _check_findings(verdict: Verdict, decision: str, findings: Sequence[Said]) -> None:
    for said in findings:
        if said.finding.verdict_id != verdict.pk:
            raise Refused("A finding of another picture cannot be answered here.")
        if said.is_defect and decision == Evaluation.OK:
            raise Refused("A part with a confirmed defect is not OK: reject it, or the finding.")
