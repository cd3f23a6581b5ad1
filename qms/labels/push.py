"""Send to Label Studio what is wanted. Slow: nothing here runs within a transaction.

The row is the truth. Before anything is sent it is looked for by the inspection's id, so that
what was sent before, and whose answer was lost, is not sent twice.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from labeling import prelabels
from labeling import project as screens
from labeling.studio import ProjectState, StudioClient, StudioRefused
from labeling.words import Schema
from qms.labels import actions, desk, drift, pull, schema, waiting
from qms.labels.leases import Lease, LeaseLost, held
from qms.labels.models import LabelTask, StudioProject
from qms.labels.proposals import picture_storage, proposal, proposed
from qms.plant.models import Product

log = structlog.get_logger(__name__)

TOGETHER = 25  # pictures in one request
SECONDS = 120.0  # of one turn; what is left then is for the next one
WITH_ITS_PICTURE = (
    "inspection__product",
    "inspection__station",
    "inspection__part",
    "verdict__model_version",
)
_ONE_PICTURE = (400, 413, 422)  # refused for what is in it; any other refusal is of the project


@dataclass
class Sending:
    """The pictures of one product on their way into one project."""

    studio: StudioClient
    project: StudioProject
    lease: Lease
    asked: Schema
    adopted: set[StudioProject] = field(default_factory=set)  # where some of them lay already


def send_waiting(*, seconds: float = SECONDS) -> desk.Heard:
    """Send what is due."""
    if not desk.is_there():
        return None
    until = time.monotonic() + seconds
    heard: desk.Heard = None
    for product in waiting.products(timezone.now()):
        try:
            if _send_product(product, until) and heard is None:
                heard = ""
        except desk.Trouble as trouble:
            heard = desk.sentence(trouble)
            _postpone(product, heard)
        except LeaseLost:
            log.warning("another one sends by now", product=product.code)
    return heard


def _send_product(product: Product, until: float) -> bool:
    """Until nothing is due. Who finds another one at it may go: that one looks once more.

    False: nothing was said to Label Studio.
    """
    spoke = False
    while time.monotonic() < until and _due(product).exists():
        project = schema.ensure_project(product, now=timezone.now())
        with held(project) as lease:
            if lease is None:
                return spoke
            spoke = True
            with desk.line() as studio:
                if state := _prepared(studio, project, lease):
                    sending = Sending(studio, project, lease, schema.schema_in(project))
                    _send_all(sending, until, shown=state.model_version)
    return spoke


def _send_all(sending: Sending, until: float, *, shown: str) -> None:
    product, project = sending.project.product, sending.project
    while time.monotonic() < until and (some := list(_due(product)[:TOGETHER])):
        _send(sending, some)
    if project.model_version not in ("", shown):
        sending.studio.set_model_version(_number(project), project.model_version)
    for former in sending.adopted:
        pull.read_all(sending.studio, former, until=until)


def _due(product: Product) -> Any:
    rows = waiting.due(timezone.now()).filter(product=product)
    return rows.select_related(*WITH_ITS_PICTURE, "project")


def _postpone(product: Product, error: str) -> None:
    """To the next round; the pictures say why they wait."""
    now = timezone.now()
    later = now + timedelta(seconds=settings.STUDIO_ROUND_SECONDS / 2)
    rows = LabelTask.objects.filter(pk__in=waiting.due(now).filter(product=product).values("pk"))
    rows.filter(tries__lt=32_000).update(tries=F("tries") + 1)
    rows.update(next_try_at=later, error=error[: actions.LONGEST_ERROR])


# --- the project ---


def _prepared(studio: StudioClient, project: StudioProject, lease: Lease) -> ProjectState | None:
    """As it is there, made if it is not. None: it was deleted there, so another one is to be made.

    StudioRefused where its labelling screen is not ours any more: what lies on another screen is
    shown wrong, and cannot be read.
    """
    project.refresh_from_db(fields=["studio_id", "model_version", "drift"])
    if project.studio_id is None:
        _make(studio, project, lease)
    state = studio.project(_number(project))
    if state is None or drift.is_another(project, state):
        drift.lose(project, now=timezone.now())
        return None
    if differs := drift.config_drift(project, state.config):
        raise StudioRefused(f"{schema.title_of(project)}: {' '.join(differs)}", 0)
    return state


def _make(studio: StudioClient, project: StudioProject, lease: Lease) -> None:
    """Its number is kept once all of it is in place."""
    title = schema.title_of(project)
    lease.keep()
    number = studio.find_project(title) or studio.create_project(
        title=title,
        config=project.config,
        instruction=screens.instruction(schema.schema_in(project)),
        model_version=project.model_version,
    )
    studio.ensure_storage(number, picture_storage())
    project.drift = hang_doorbell(studio, number)
    project.studio_id = number
    project.save(update_fields=["studio_id", "drift"])


def doorbell_url() -> str:
    """Where Label Studio is to ring, as it reaches us."""
    base = settings.STUDIO_BELL_URL or settings.PUBLIC_URL
    return f"{base.rstrip('/')}{reverse('studio-doorbell')}"


def hang_doorbell(studio: StudioClient, number: int) -> list[str]:
    """Without it all goes on, but later: what was labelled is found by the round."""
    try:
        studio.ensure_webhook(number, url=doorbell_url(), secret=settings.STUDIO_SECRET)
    except StudioRefused as refusal:
        if refusal.status not in _ONE_PICTURE and refusal.status != 403:
            raise
        return [
            f"Label Studio does not ring here ({refusal}) What is labelled is read every "
            f"{settings.STUDIO_ROUND_SECONDS} seconds instead."
        ]
    return []


def _number(project: StudioProject) -> int:
    if project.studio_id is None:
        raise ValueError(f"{project} is not in Label Studio yet")
    return project.studio_id


# --- the pictures ---


def _send(sending: Sending, tasks: Sequence[LabelTask]) -> None:
    there = _sent_before(sending, tasks)
    for task in tasks:
        if task.pk in there:
            _adopt(sending, task, *there[task.pk])
    fresh = [task for task in tasks if task.pk not in there]
    LabelTask.objects.filter(pk__in=[t.pk for t in fresh]).update(project=sending.project)
    ready = [(task, words) for task in fresh if (words := _words(sending, task)) is not None]
    if ready:
        _import(sending, ready)


def _sent_before(
    sending: Sending, tasks: Sequence[LabelTask]
) -> dict[int, tuple[StudioProject, int]]:
    """Those that lie there already: in this project, or in the one that was tried before."""
    found: dict[int, tuple[StudioProject, int]] = {}
    projects = {sending.project.pk: sending.project}
    projects |= {task.project.pk: task.project for task in tasks if task.project}
    for project in projects.values():
        if project.studio_id is None or project.gone_at:
            continue
        ids = [str(task.inspection_id) for task in tasks if _may_lie_in(project, sending, task)]
        numbers = sending.studio.tasks_of(project.studio_id, ids) if ids else {}
        for task in tasks:
            if number := numbers.get(str(task.inspection_id)):
                found[task.pk] = (project, number)
    return found


def _may_lie_in(project: StudioProject, sending: Sending, task: LabelTask) -> bool:
    return project == sending.project or task.project_id == project.pk


def _adopt(sending: Sending, task: LabelTask, project: StudioProject, number: int) -> None:
    """It was there already: somebody may have labelled it, so it is read."""
    sending.adopted.add(project)
    laid = proposal(task, schema.schema_in(project), shown_as="")
    _opened(task, project, number, proposed(laid), shown_as="")
    LabelTask.objects.filter(pk=task.pk, studio_id=number).update(unread=True)


def _words(sending: Sending, task: LabelTask) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What is sent and what is kept of it; None: it cannot be laid before anybody, and says why."""
    shown_as = sending.project.model_version or str(task.verdict.model_version)
    try:
        laid = proposal(task, sending.asked, shown_as=shown_as)
        return prelabels.task(laid, sending.asked), proposed(laid)
    except (prelabels.BadPrediction, ValueError) as error:
        actions.fail(task, f"It cannot be laid before anybody: {error}", now=timezone.now())
        return None


Ready = tuple[LabelTask, tuple[dict[str, Any], dict[str, Any]]]


def _import(sending: Sending, ready: Sequence[Ready]) -> None:
    """All in one request; if it is refused, each alone, so that one holds up no others."""
    number = _number(sending.project)
    sending.lease.keep()
    try:
        told = sending.studio.import_tasks(number, [words for _, (words, _) in ready])
    except StudioRefused as refusal:
        if refusal.status not in _ONE_PICTURE:
            raise
        if len(ready) > 1:
            for one in ready:
                _import(sending, [one])
            return
        actions.fail(ready[0][0], f"{refusal}", now=timezone.now())
        return
    for (task, (_, kept)), studio_id in zip(ready, told, strict=True):
        shown_as = sending.project.model_version or str(task.verdict.model_version)
        _opened(task, sending.project, studio_id, kept, shown_as=shown_as)


def _opened(
    task: LabelTask,
    project: StudioProject,
    studio_id: int,
    kept: Mapping[str, Any],
    *,
    shown_as: str,
) -> None:
    actions.opened(
        task,
        project=project,
        studio_id=studio_id,
        proposed=dict(kept),
        shown_as=shown_as,
        now=timezone.now(),
    )
