"""Agreement studies: decided parts come before several people again, blind, several times."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from qms.accounts.models import User
from qms.accounts.roles import REVIEWERS, has_role
from qms.events import catalogue, outbox
from qms.inspections.models import Evaluation
from qms.lifecycle import Refused
from qms.plant.models import Product
from qms.review.models import Kind, Priority, Reason, Review, Status, Study
from qms.review.triage import uniform

FEWEST_PARTS, MOST_PARTS = 10, 200
FEWEST_PEOPLE, MOST_PEOPLE = 2, 12
MOST_TRIALS = 5
AMONG = 2000  # the latest decided parts: more are not read to draw some

T = TypeVar("T")


@transaction.atomic
def begin_study(
    product: Product,
    *,
    name: str,
    people: Sequence[User],
    parts: int,
    trials: int,
    by: User,
    now: datetime,
) -> Study:
    """Draw the parts and lay them before each person for the first trial.

    About half of them are held to be not OK, if there are so many; of both halves the scores are
    spread as those of all. Everybody sees them in another order.
    """
    _check_wish(name, people, parts, trials)
    study = Study.objects.create(
        product=product,
        name=name.strip(),
        parts=parts,
        trials=trials,
        begun_at=now,
        begun_by=by,
    )
    drawn = _draw(study)
    event = catalogue.StudyBegun(
        study_id=study.pk,
        product=product.code,
        name=study.name,
        people=[str(person) for person in people],
        parts=parts,
        trials=trials,
    )
    outbox.publish(event, now=now, actor=str(by))
    for person in people:
        _open_trial(study, person, drawn, trial=1, now=now)
    return study


@transaction.atomic(savepoint=False)
def go_on(decided: Review, *, now: datetime) -> None:
    """The next trial of a person, once the last look of this one is decided.

    Running twice opens nothing twice.
    """
    if decided.study_id is None or decided.trial is None or decided.assigned_to is None:
        return
    study = Study.objects.select_for_update().get(pk=decided.study_id)
    if study.ended_at:
        return
    mine = Review.objects.filter(study=study, assigned_to=decided.assigned_to)
    if decided.trial >= study.trials or mine.filter(trial__gt=decided.trial).exists():
        return
    if mine.exclude(status=Status.DECIDED).exists():
        return
    seen = list(mine.filter(trial=decided.trial).select_related("verdict__inspection"))
    _open_trial(study, decided.assigned_to, seen, trial=decided.trial + 1, now=now)


@transaction.atomic
def end_study(study: Study, *, by: User, now: datetime) -> None:
    """Nobody is to look any more: what was said stays, what waits is withdrawn."""
    held = Study.objects.select_for_update().get(pk=study.pk)
    looks = Review.objects.select_for_update(of=("self",)).filter(study=held)
    waiting = list(looks.filter(status__in=(Status.OPEN, Status.CLAIMED)).order_by("pk"))
    if held.ended_at or not waiting:
        raise Refused("This study is over already.")
    if any(look.status == Status.CLAIMED for look in waiting):
        raise Refused("Somebody is judging one of its parts at this moment: try in a minute.")
    for look in waiting:
        look.move(Status.WITHDRAWN)
        gone = catalogue.ReviewWithdrawn(inspection_id=look.inspection_id, review_id=look.pk)
        outbox.publish(gone, now=now, actor=str(by))
    Study.objects.filter(pk=held.pk).update(ended_at=now)
    event = catalogue.StudyEnded(study_id=held.pk, name=held.name, withdrawn=len(waiting))
    outbox.publish(event, now=now, actor=str(by))


def _check_wish(name: str, people: Sequence[User], parts: int, trials: int) -> None:
    if not name.strip():
        raise Refused("Give the study a name, so that it can be told from others.")
    if not FEWEST_PARTS <= parts <= MOST_PARTS:
        raise Refused(f"A study has {FEWEST_PARTS} to {MOST_PARTS} parts; 50 tell much.")
    if not 1 <= trials <= MOST_TRIALS:
        raise Refused(f"A study has 1 to {MOST_TRIALS} trials; 2 tell whether people repeat.")
    if not FEWEST_PEOPLE <= len({person.pk for person in people}) <= MOST_PEOPLE:
        raise Refused(f"Choose {FEWEST_PEOPLE} to {MOST_PEOPLE} different people.")
    for person in people:
        if not has_role(person, *REVIEWERS):
            raise Refused(f"{person} reviews no parts: choose inspectors or leads.")


def _draw(study: Study) -> list[Review]:
    """Looks whose answer holds, one for each part of the study."""
    held = Review.objects.filter(product=study.product, rules=True)
    rows = list(held.select_related("verdict__inspection").order_by("-pk")[:AMONG])
    bad = _by_score(row for row in rows if row.decision == Evaluation.NOT_OK)
    good = _by_score(row for row in rows if row.decision == Evaluation.OK)
    if len(bad) + len(good) < study.parts:
        raise Refused(
            f"People decided only {len(bad) + len(good)} parts of {study.product}: "
            f"wait for more, or begin with fewer than {study.parts}."
        )
    many_bad = max(min(len(bad), study.parts // 2), study.parts - len(good))
    start = uniform("study", str(study.pk).encode())
    return [*_spread(bad, many_bad, start), *_spread(good, study.parts - many_bad, start)]


def _by_score(rows: Iterable[Review]) -> list[Review]:
    return sorted(rows, key=lambda row: (row.verdict.score, row.pk))


def _spread(rows: Sequence[T], many: int, start: float) -> list[T]:
    """So many of them at even distances, from a random start."""
    return [rows[int((n + start) * len(rows) / many)] for n in range(many)]


def _open_trial(
    study: Study, person: User, looks: Sequence[Review], *, trial: int, now: datetime
) -> None:
    """In an order that tells neither the scores nor what others saw before."""
    whose = f"{study.pk}|{person.pk}|{trial}|"
    order = sorted(looks, key=lambda look: uniform(whose, look.inspection_id.bytes))
    for look in order:
        inspection = look.verdict.inspection
        review = Review.objects.create(
            inspection=inspection,
            verdict=look.verdict,
            product_id=inspection.product_id,
            station_id=inspection.station_id,
            kind=Kind.STUDY,
            reason=Reason.STUDY,
            why=[f"Part of the study “{study.name}”, trial {trial} of {study.trials}."],
            blind=True,
            priority=Priority.LATER,
            study=study,
            trial=trial,
            assigned_to=person,
            opened_at=now,
        )
        event = catalogue.ReviewOpened(
            inspection_id=inspection.pk, review_id=review.pk, reason=review.reason, kind=review.kind
        )
        outbox.publish(event, now=now)
