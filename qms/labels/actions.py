"""What happens to pictures that annotators are to correct."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from labeling.words import Labelled
from qms.accounts.models import User
from qms.events import catalogue, outbox
from qms.inspections.models import Inspection, Verdict
from qms.labels import corrections
from qms.labels.models import Annotation, LabelTask, Reason, Status, StudioProject
from qms.labels.urgency import urgency
from qms.lifecycle import Refused
from qms.plant.recipes import Recipe
from qms.review.models import Review

_BY_A_PERSON = (Reason.ASKED, Reason.BY_HAND)  # the others are capped by the recipe
_DAY = timedelta(days=1)
_LEFT = (Status.SKIPPED, Status.FAILED)  # what may be sent again
LONGEST_ERROR = 2000


# --- wanted ---


@transaction.atomic
def want(
    inspection: Inspection,
    *,
    reason: Reason,
    why: str,
    now: datetime,
    actor: str = outbox.SYSTEM,
    review: Review | None = None,
) -> LabelTask:
    """Lay a picture before the annotators. Running twice changes nothing.

    What is before them already is told why it is wanted as well; what they skipped or what failed
    is sent again if a person asks for it. Refused of a picture that no model has judged.
    """
    verdict = review.verdict if review else _latest_verdict(inspection)
    over = reason not in _BY_A_PERSON and _is_over_cap(verdict, now)
    task, is_new = LabelTask.objects.get_or_create(
        inspection=inspection,
        defaults={
            "product_id": inspection.product_id,
            "verdict": verdict,
            "review": review,
            "reason": reason,
            "why": [why],
            "over_cap": over,
            "urgency": _urgency(verdict, reason, review, over_cap=over),
            "wanted_at": now,
            "next_try_at": now,
        },
    )
    if is_new:
        _tell_wanted(task, now=now, actor=actor)
        return task
    return _want_more(task.pk, reason, why, now=now, actor=actor)


def _latest_verdict(inspection: Inspection) -> Verdict:
    verdict = inspection.verdicts.order_by("-judged_at").first()
    if verdict is None:
        raise Refused("No model has judged this picture yet: there is nothing to correct.")
    return verdict


def _want_more(pk: int, reason: Reason, why: str, *, now: datetime, actor: str) -> LabelTask:
    task = _held(pk)
    if why in task.why:
        return task
    task.why = [*task.why, why]
    asked = reason in _BY_A_PERSON
    if asked and task.over_cap:
        task.over_cap = False
    task.urgency = max(
        task.urgency, _urgency(task.verdict, reason, task.review, over_cap=task.over_cap)
    )
    task.save(update_fields=["why", "over_cap", "urgency"])
    if asked and task.status in _LEFT:
        _send_again(task, now=now, actor=actor)
    return task


def _urgency(verdict: Verdict, reason: Reason, review: Review | None, *, over_cap: bool) -> float:
    findings = verdict.findings.exclude(defect_type=None)
    severities = set(findings.values_list("defect_type__severity", flat=True))
    if review and review.defect_type:
        severities.add(review.defect_type.severity)
    limits = (verdict.threshold_ok, verdict.threshold_not_ok)
    return urgency(reason, severities, score=verdict.score, limits=limits, over_cap=over_cap)


def _is_over_cap(verdict: Verdict, now: datetime) -> bool:
    """Were as many wanted as the recipe allows? Workers side by side may pass it by a few."""
    recipe = verdict.recipe
    if recipe is None or recipe.cap_labels_day is None:
        return False
    wanted = LabelTask.objects.filter(
        product=verdict.inspection.product_id,
        over_cap=False,
        wanted_at__gt=now - _DAY,
    ).exclude(reason__in=_BY_A_PERSON)
    if recipe.station_id:
        wanted = wanted.filter(inspection__station=recipe.station_id)
    return wanted.count() >= recipe.cap_labels_day


def rules_of(verdict: Verdict) -> Recipe:
    """The recipe that it met; without one, what a new recipe would say."""
    return verdict.recipe or Recipe()


@transaction.atomic
def retry(task: LabelTask, *, by: User, now: datetime) -> None:
    """Send a picture that failed or was skipped again. Refused of any other."""
    held = _held(task.pk)
    if held.status not in _LEFT:
        raise Refused("Only what failed or was skipped can be sent again.")
    _send_again(held, now=now, actor=str(by))


def _send_again(task: LabelTask, *, now: datetime, actor: str) -> None:
    """It is looked for first: what is there still is not sent a second time."""
    task.move(Status.WANTED, studio_id=None, next_try_at=now, tries=0, error="")
    _tell_wanted(task, now=now, actor=actor)


def _tell_wanted(task: LabelTask, *, now: datetime, actor: str) -> None:
    event = catalogue.LabelTaskWanted(
        inspection_id=task.inspection_id, label_task_id=task.pk, reason=task.reason
    )
    outbox.publish(event, now=now, actor=actor)


# --- sent ---


@transaction.atomic
def opened(
    task: LabelTask,
    *,
    project: StudioProject,
    studio_id: int,
    proposed: dict[str, Any],
    shown_as: str,
    now: datetime,
) -> None:
    """It lies before the annotators."""
    held = _held(task.pk)
    if held.status != Status.WANTED:
        return
    held.move(
        Status.OPEN,
        project=project,
        studio_id=studio_id,
        proposed=proposed,
        shown_as=shown_as,
        opened_at=now,
        next_try_at=None,
        studio_changed_at=None,
        error="",
    )
    _tell(held, now)


@transaction.atomic
def fail(task: LabelTask, sentence: str, *, now: datetime) -> None:
    """It cannot go on by itself; the sentence says why, and what to do."""
    held = _held(task.pk)
    error = sentence[:LONGEST_ERROR]
    if held.status == Status.FAILED:
        LabelTask.objects.filter(pk=held.pk).update(error=error)
        return
    held.move(Status.FAILED, error=error, next_try_at=None)
    _tell(held, now)


# --- read back ---


@transaction.atomic
def labelled_there(tasks: Sequence[LabelTask], *, now: datetime) -> None:
    """Label Studio says that somebody has labelled them; what they said is still to be read."""
    pks = [task.pk for task in tasks if task.status == Status.OPEN]
    for task in LabelTask.objects.select_for_update().filter(pk__in=pks, status=Status.OPEN):
        task.move(Status.LABELLED, labelled_at=now)
        _tell(task, now)


@transaction.atomic
def receive(
    task: LabelTask, labelled: Labelled, *, now: datetime, person: str = ""
) -> Annotation | None:
    """Keep what a person said of it. None: it was known already, or is being sent again."""
    held = _held(task.pk)
    if held.status == Status.WANTED:
        return None
    known = Annotation.objects.filter(
        label_task=held, studio_id=labelled.studio_id, studio_updated_at=labelled.updated_at
    )
    if known.exists():
        return None
    annotation = corrections.keep(
        labelled, task.inspection, verdict=task.verdict, task=held, person=person, now=now
    )
    _follow(held, now=now)
    return annotation


def _follow(task: LabelTask, *, now: datetime) -> None:
    """Its state by all that people said of it: corrected if anybody did, else skipped."""
    rows = Annotation.objects.filter(label_task=task)
    status = Status.PULLED if corrections.standing(rows).exists() else Status.SKIPPED
    words = {"pulled_at": now, "labelled_at": task.labelled_at or now, "error": ""}
    if task.status == status:
        LabelTask.objects.filter(pk=task.pk).update(**words)
        return
    task.move(status, **words)
    _tell(task, now)


@transaction.atomic
def reopen_unlabelled(task: LabelTask, *, now: datetime) -> None:
    """What was said of it was deleted there before it was read: it waits for an annotator again."""
    held = _held(task.pk)
    if held.status == Status.LABELLED:
        held.move(Status.OPEN, labelled_at=None)
        _tell(held, now)


def _held(pk: int) -> LabelTask:
    """Read it anew and hold it still to the end of the transaction."""
    return LabelTask.objects.select_for_update().get(pk=pk)


def _tell(task: LabelTask, now: datetime) -> None:
    event = catalogue.LabelTaskMoved(
        inspection_id=task.inspection_id,
        label_task_id=task.pk,
        status=task.status,
        error=task.error,
    )
    outbox.publish(event, now=now)


# --- asked for ---


@transaction.atomic
def look_now(*, by: User, now: datetime) -> None:
    """Send what waits and read what is there, without waiting for the next round."""
    outbox.publish(catalogue.StudioRoundDue(), now=now, actor=str(by))
