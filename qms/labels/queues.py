"""What the labelling desk shows: counts, what is next for a person, what came back of theirs."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet

from qms.accounts.models import User
from qms.labels import desk
from qms.labels.filters import told
from qms.labels.models import Annotation, Desk, LabelledRegion, LabelTask, Status, StudioProject
from qms.labels.tally import Tally, tally

WAITING = (Status.WANTED, Status.OPEN)


def counts() -> dict[str, int]:
    """Tasks by state, in small letters."""
    by_status = LabelTask.objects.order_by().values_list("status").annotate(n=Count("pk"))
    none = {status.lower(): 0 for status in Status.values}
    return none | {status.lower(): n for status, n in by_status}


def waiting() -> int:
    """How many pictures an annotator could correct now."""
    return LabelTask.objects.filter(status=Status.OPEN).count()


def listed(rows: QuerySet[LabelTask]) -> QuerySet[LabelTask]:
    """With what a line of the list shows, in a fixed number of queries."""
    small = Annotation.objects.only(
        "label_task", "person_name", "seconds", "made_at", "skipped", "skip_reason"
    )
    return (
        rows.select_related(
            "product", "project", "inspection__part", "inspection__station__line__site"
        )
        .defer("proposed", "project__schema", "project__config")
        .prefetch_related("inspection__reviews", Prefetch("annotations", small))
    )


def queue_of(person: User) -> QuerySet[LabelTask]:
    """What lies open in Label Studio and may be told to this person, most urgent first."""
    rows = told(LabelTask.objects.filter(status=Status.OPEN), person)
    return rows.order_by("-urgency", "wanted_at", "pk")


@dataclass(frozen=True)
class CameBack:
    """One picture that a person corrected, and how much of it they changed."""

    annotation: Annotation
    tally: Tally


def came_back(person: User, *, most: int = 5) -> list[CameBack]:
    """The latest of this person, newest first."""
    names = [name for name in (person.username, person.email) if name]
    theirs = Annotation.objects.filter(Q(person=person) | Q(person=None, person_name__in=names))
    regions = LabelledRegion.objects.only("annotation", "finding", "origin", "number")
    rows = theirs.select_related("inspection__product", "inspection__part").prefetch_related(
        Prefetch("regions", regions), "answers"
    )
    latest: Iterable[Annotation] = rows.order_by("-received_at", "-pk")[:most]
    return [CameBack(annotation, tally(annotation)) for annotation in latest]


def link_of(task: LabelTask) -> str:
    """Where the task lies in Label Studio; empty while it is not there."""
    place = link_of_project(task.project) if task.project and task.studio_id is not None else ""
    return f"{place}?task={task.studio_id}" if place else ""


def link_of_project(project: StudioProject) -> str:
    """Empty while Label Studio has not been told, and once it was deleted there."""
    if project.studio_id is None or project.gone_at is not None:
        return ""
    return f"{settings.STUDIO_PUBLIC_URL.rstrip('/')}/projects/{project.studio_id}/data"


def trouble() -> Desk | None:
    """What is wrong with the line to Label Studio, if anything is."""
    return Desk.objects.exclude(error="").first() if desk.is_there() else None
