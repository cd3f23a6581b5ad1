"""Read from Label Studio what people did there. Slow: nothing here runs within a transaction.

Reading twice changes nothing, so nobody needs a lease for it.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

import structlog
from django.db.models import Q, QuerySet
from django.utils import timezone

from labeling import annotations
from labeling.studio import StudioClient, TaskState
from labeling.words import Schema
from qms.labels import actions, schema
from qms.labels.models import Annotation, LabelTask, Status, StudioProject

log = structlog.get_logger(__name__)

DELETED = "It was deleted in Label Studio: send it again, or leave it."
_AT_ONCE = 200
_TOGETHER = 2  # answers on their way at once
_IN_ONE_ANSWER = 25  # tasks
_PIXELS_IN_ONE_ANSWER = 10_000_000  # of their pictures; the noisiest mask has as many bytes
Said = Sequence[Mapping[str, Any]]
_OVERLAP = timedelta(seconds=30)  # what was saved there while we looked, and told a moment later
_THERE = (Status.OPEN, Status.LABELLED)


class People:
    """Whose number in Label Studio is whose e-mail address; asked once, and for newcomers."""

    def __init__(self, studio: StudioClient) -> None:
        self._studio = studio
        self._known: dict[int, str] = {}

    def named(self, number: int | None) -> str:
        if number is None:
            return ""
        if number not in self._known:
            self._known = {**self._studio.people()}
            self._known.setdefault(number, f"user {number} of Label Studio")
        return self._known[number]


# --- what has changed there ---


def look(studio: StudioClient, project: StudioProject) -> None:
    """Mark what changed since the last look, to be read. By the clock there, which is not ours."""
    if project.studio_id is None:
        return
    began = studio.clock()
    since = project.looked_at - _OVERLAP if project.looked_at else None
    states = studio.changed_tasks(project.studio_id, since)
    while some := list(islice(states, _AT_ONCE)):
        _mark(studio, project, {state.id: state for state in some})
    older = Q(looked_at=None) | Q(looked_at__lt=began)
    StudioProject.objects.filter(older, pk=project.pk).update(looked_at=began)


def _mark(studio: StudioClient, project: StudioProject, states: Mapping[int, TaskState]) -> None:
    rows = LabelTask.objects.filter(project=project, studio_id__in=states)
    labelled, known = [], set()
    for task in rows:
        state = states[task.studio_id or 0]
        known.add(state.id)
        touched = state.annotations or state.cancelled or task.status != Status.OPEN
        if touched and mark(task, state.updated_at) and state.is_labeled:
            labelled.append(task)
    actions.labelled_there(labelled, now=timezone.now())
    _drop_doubles(studio, project, [s for s in states.values() if s.id not in known])


def mark(task: LabelTask, changed_at: datetime) -> bool:
    """To be read, unless this very change was marked before."""
    if task.studio_changed_at and task.studio_changed_at >= changed_at:
        return False
    fresh = Q(studio_changed_at=None) | Q(studio_changed_at__lt=changed_at)
    rows = LabelTask.objects.filter(fresh, pk=task.pk).exclude(status=Status.WANTED)
    return rows.update(unread=True, studio_changed_at=changed_at) == 1


def _drop_doubles(
    studio: StudioClient, project: StudioProject, states: Sequence[TaskState]
) -> None:
    """A picture that lies there twice, because an answer came too late, and that nobody touched."""
    strays = {s.inspection_id: s.id for s in states if not s.annotations and not s.cancelled}
    ours = LabelTask.objects.filter(
        project=project, status__in=(*_THERE, Status.PULLED), inspection_id__in=_uuids(strays)
    )
    doubles = [strays[str(task.inspection_id)] for task in ours]
    if doubles and project.studio_id:
        studio.delete_tasks(project.studio_id, doubles)
        log.warning("dropped doubles in Label Studio", project=str(project), tasks=doubles)


def notice_deleted(studio: StudioClient, project: StudioProject) -> None:
    """What lay there and lies there no more."""
    if project.studio_id is None:
        return
    waiting = LabelTask.objects.filter(project=project, status__in=_THERE)
    if waiting.exists():
        there = studio.task_ids(project.studio_id)
        for task in [one for one in waiting if one.studio_id not in there]:
            actions.fail(task, DELETED, now=timezone.now())


# --- what people said ---


def unread(project: StudioProject) -> QuerySet[LabelTask]:
    rows = LabelTask.objects.filter(project=project, unread=True, studio_id__isnull=False)
    return rows.select_related("verdict", "inspection").order_by("pk")


def read_all(studio: StudioClient, project: StudioProject, *, until: float) -> None:
    """What is marked, until the time is up; the rest is for the next turn.

    While some are written down here, the next ones are asked for there.
    """
    asked, people = schema.schema_in(project), People(studio)
    parts = takewhile(lambda _: time.monotonic() < until, _parts(_one_by_one(unread(project))))
    for tasks, said in _asked_ahead(studio, project, parts):
        for task in tasks:
            _read(studio, task, said.get(task.studio_id or 0, []), asked, people)


def _asked_ahead(
    studio: StudioClient, project: StudioProject, parts: Iterable[list[LabelTask]]
) -> Iterator[tuple[list[LabelTask], Mapping[int, Said]]]:
    """A few at a time and no more, for an answer may be megabytes of masks."""

    def ask(tasks: Sequence[LabelTask]) -> Mapping[int, Said]:
        return studio.annotations_of(project.studio_id or 0, [one.studio_id or 0 for one in tasks])

    coming: deque[tuple[list[LabelTask], Future[Mapping[int, Said]]]] = deque()
    with ThreadPoolExecutor(_TOGETHER) as pool:
        for tasks in parts:
            coming.append((tasks, pool.submit(ask, tasks)))
            if len(coming) > _TOGETHER:
                first, said = coming.popleft()
                yield first, said.result()
        yield from ((tasks, said.result()) for tasks, said in coming)


def _parts(tasks: Iterable[LabelTask]) -> Iterator[list[LabelTask]]:
    """As many as one answer may hold: the masks of large pictures are large as well."""
    part: list[LabelTask] = []
    pixels = 0
    for task in tasks:
        size = task.verdict.width * task.verdict.height
        if part and (len(part) == _IN_ONE_ANSWER or pixels + size > _PIXELS_IN_ONE_ANSWER):
            yield part
            part, pixels = [], 0
        part.append(task)
        pixels += size
    if part:
        yield part


def _one_by_one(rows: QuerySet[LabelTask]) -> Iterator[LabelTask]:
    """In the order of their keys, a few at a time: one that stays marked is not met again."""
    last = 0
    while part := list(rows.filter(pk__gt=last)[:_AT_ONCE]):
        yield from part
        last = part[-1].pk


def _read(studio: StudioClient, task: LabelTask, said: Said, asked: Schema, people: People) -> None:
    """Keep all that was said of it and is not known yet; say on it what cannot be read."""
    if said:
        _take(task, said, asked, people)
    elif studio.task(task.studio_id or 0) is None:
        if task.status in _THERE:
            actions.fail(task, DELETED, now=timezone.now())
    else:
        actions.reopen_unlabelled(task, now=timezone.now())
    same = LabelTask.objects.filter(pk=task.pk, studio_changed_at=task.studio_changed_at)
    same.update(unread=False)


def _take(task: LabelTask, said: Said, asked: Schema, people: People) -> None:
    known = set(
        Annotation.objects.filter(label_task=task).values_list("studio_id", "studio_updated_at")
    )
    wrong: dict[Any, str] = {}
    size = {"width": task.verdict.width, "height": task.verdict.height}
    for one in sorted(said, key=lambda one: str(one.get("updated_at"))):
        if (one.get("id"), _moment(one.get("updated_at"))) in known:
            continue
        try:
            labelled = annotations.parse(one, asked, proposed=task.proposed, **size)
        except annotations.BadAnnotation as error:
            wrong[one.get("id")] = str(error)
            continue
        person = people.named(labelled.person)
        actions.receive(task, labelled, now=timezone.now(), person=person)
    if wrong:
        _say_what_is_wrong(task, said, wrong)


def _say_what_is_wrong(task: LabelTask, said: Said, wrong: Mapping[Any, str]) -> None:
    """Where it is of what holds; a faulty one beside it changes nothing."""
    try:
        last = annotations.latest(said)
    except annotations.BadAnnotation as error:
        actions.fail(task, _unreadable(str(error)), now=timezone.now())
        return
    if last is not None and last.get("id") in wrong:
        actions.fail(task, _unreadable(wrong[last.get("id")]), now=timezone.now())
    else:
        log.warning("cannot be read, but does not hold", task=task.pk, wrong=wrong)


def _unreadable(sentence: str) -> str:
    return (
        f"What was submitted cannot be read: {sentence} Mend it in Label Studio and submit again."
    )


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None


def _uuids(names: Mapping[str, int]) -> list[str]:
    return [name for name in names if len(name) == 36]
