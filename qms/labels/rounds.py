"""Go round by the clock: send what waits, read what the doorbell failed to tell, note what differs.

Label Studio lets anybody change or delete anything. So each project is held against its row.
"""

import time
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from labeling import prelabels
from labeling.studio import ProjectState, StudioClient
from qms.events import catalogue, outbox
from qms.events.models import unfinished
from qms.labels import desk, drift, pull, push, schema
from qms.labels.leases import Lease, LeaseLost, held
from qms.labels.models import Desk, LabelTask, Status, StudioProject
from qms.labels.proposals import picture_storage, proposal

log = structlog.get_logger(__name__)

SECONDS = 200.0  # of one round; what is left then is for the next one


# --- when ---


def call_round(*, now: datetime) -> bool:
    """The relay asks every second; a round is due every STUDIO_ROUND_SECONDS, one at a time."""
    if not desk.is_there():
        return False
    due = Q(next_round_at=None) | Q(next_round_at__lte=now)
    if not Desk.objects.filter(due, pk=1).exists() and Desk.objects.filter(pk=1).exists():
        return False
    Desk.objects.get_or_create(pk=1)
    with transaction.atomic():
        later = now + timedelta(seconds=settings.STUDIO_ROUND_SECONDS)
        if Desk.objects.filter(due, pk=1).update(next_round_at=later) != 1:
            return False  # another relay was first
        if unfinished().filter(event__name=catalogue.StudioRoundDue.__name__).exists():
            return False  # the last one is still under way
        outbox.publish(catalogue.StudioRoundDue(), now=now)
    return True


# --- what ---


def go() -> desk.Heard:
    """One round."""
    if not desk.is_there():
        return None
    until = time.monotonic() + SECONDS
    heard = push.send_waiting()
    projects = living()
    if heard is None and not projects:
        return _is_it_there()
    for project in projects:
        if time.monotonic() >= until:
            break
        try:
            _tend(project, until)
        except LeaseLost:
            log.warning("another one tends it by now", project=str(project))
        except desk.StudioDown as down:
            return desk.sentence(down)  # and so will the others be
        except desk.StudioRefused as refusal:
            heard = desk.sentence(refusal)
    return heard or ""


def _is_it_there() -> str:
    """Before anything is wanted, too, people see whether it would get there."""
    try:
        with desk.line() as studio:
            studio.person()
    except desk.Trouble as trouble:
        return desk.sentence(trouble)
    return ""


def living() -> list[StudioProject]:
    rows = StudioProject.objects.filter(gone_at=None, studio_id__isnull=False)
    return list(rows.select_related("product").order_by("-number", "pk"))


def _tend(project: StudioProject, until: float) -> None:
    with held(project) as lease, desk.line() as studio:
        state = studio.project(project.studio_id or 0)
        if state is None or drift.is_another(project, state):
            drift.lose(project, now=timezone.now())
            return
        if lease is not None:  # else somebody sends just now: what differs can wait
            _note_drift(studio, project, state)
            follow_model(project)
            retag(studio, project, lease, until=until, shown=state.model_version)
        pull.look(studio, project)
        pull.notice_deleted(studio, project)
        pull.read_all(studio, project, until=until)


# --- when the bell rings ---


def answer(rings: Collection[tuple[int | None, int | None]]) -> desk.Heard:
    """Read what was named, by project and task number there; without a task, what has changed."""
    until = time.monotonic() + SECONDS
    heard: desk.Heard = None
    for project in living():
        tasks = {task for place, task in rings if place == project.studio_id and task}
        vague = any(place in (project.studio_id, None) and not task for place, task in rings)
        known = LabelTask.objects.filter(project=project, studio_id__in=tasks)
        if known.exclude(status=Status.WANTED).update(unread=True) or vague:
            try:
                _read(project, until, look=vague)
                heard = heard or ""
            except desk.StudioDown as down:
                return desk.sentence(down)
            except desk.StudioRefused as refusal:
                heard = desk.sentence(refusal)
    return heard


def _read(project: StudioProject, until: float, *, look: bool) -> None:
    with desk.line() as studio:
        if look:
            pull.look(studio, project)
            pull.notice_deleted(studio, project)
        pull.read_all(studio, project, until=until)


# --- what differs ---


def _note_drift(studio: StudioClient, project: StudioProject, state: ProjectState) -> None:
    studio.ensure_storage(state.id, picture_storage())
    found = drift.config_drift(project, state.config) + push.hang_doorbell(studio, state.id)
    if found != project.drift:
        StudioProject.objects.filter(pk=project.pk).update(drift=found)


# --- the model version that is shown ---


def tell_promotion(product_code: str) -> desk.Heard:
    """Show what the model in force says."""
    projects = [one for one in living() if one.product.code == product_code][:1]
    try:
        for project in projects:
            with held(project) as lease, desk.line() as studio:
                if lease is not None:  # else the round does it
                    follow_model(project)
                    retag(studio, project, lease, until=time.monotonic() + SECONDS)
    except LeaseLost:
        log.warning("another one tends it by now", product=product_code)
    except desk.Trouble as trouble:
        return desk.sentence(trouble)
    return "" if projects else None


def follow_model(project: StudioProject) -> None:
    """A product's newest project shows what the model in force says; the older ones stay."""
    newest = StudioProject.objects.filter(product=project.product, gone_at=None)
    if project != newest.order_by("-number").first():
        return
    if (judge := schema.judge_of(project.product)) != project.model_version:
        project.model_version = judge
        project.save(update_fields=["model_version"])


def retag(
    studio: StudioClient,
    project: StudioProject,
    lease: Lease,
    *,
    until: float,
    shown: str | None = None,
) -> None:
    """Label Studio shows only what bears the project's model version.

    So what lies open is laid there again under the new one, the most urgent first; else annotators
    would find these pictures bare. Whose word it is stands in the verdict.
    """
    number, wanted = project.studio_id or 0, project.model_version
    if not wanted:
        return
    asked = schema.schema_in(project)
    rows = LabelTask.objects.filter(project=project, status=Status.OPEN).exclude(shown_as=wanted)
    rows = rows.select_related(*push.WITH_ITS_PICTURE)
    for task in rows.order_by("over_cap", "-urgency", "pk"):
        if time.monotonic() >= until:
            return
        lease.keep()
        laid = prelabels.prediction(proposal(task, asked, shown_as=wanted), asked)
        try:
            studio.replace_prediction(task.studio_id or 0, laid)
        except desk.StudioRefused as refusal:
            if refusal.status not in (400, 404):
                raise
            continue  # it was deleted there; that is noticed elsewhere
        LabelTask.objects.filter(pk=task.pk).update(shown_as=wanted)
        if shown != wanted and studio.set_model_version(number, wanted):
            shown = wanted
    if shown != wanted:
        studio.set_model_version(number, wanted)
