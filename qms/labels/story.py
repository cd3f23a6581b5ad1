"""What people said of one picture beside what the model had said, ready to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects

from qms.inspections.models import Finding, Inspection, Verdict
from qms.labels import queues
from qms.labels.difference import Piece, by_words
from qms.labels.models import Annotation, LabelledRegion, LabelTask, Origin, QAPair, Status
from qms.labels.pictures import SIDES
from qms.labels.tally import Tally, tally
from qms.plant.models import DefectType

_HOW: dict[str, tuple[str, str]] = {
    Origin.PREDICTION: ("left", "Left as it was"),
    Origin.CHANGED: ("corrected", "Corrected"),
    Origin.MANUAL: ("drawn", "Drawn"),
}


@dataclass(frozen=True)
class ShownRegion:
    """A region of a person; ``before`` is the model's finding that it was made from, if any."""

    region: LabelledRegion
    before: Finding | None

    @property
    def how(self) -> str:
        return _HOW[self.region.origin][0]

    @property
    def how_told(self) -> str:
        return _HOW[self.region.origin][1]

    @property
    def former_type(self) -> str:
        """What the model had called it, if the person calls it otherwise."""
        if self.before is None or self.before.defect_type_id == self.region.defect_type_id:
            return ""
        return str(self.before.defect_type.name) if self.before.defect_type else "Unknown"

    @property
    def former_severity(self) -> str:
        usual = _severity(self.before.defect_type) if self.before else ""
        return "" if usual == self.region.get_severity_display() else usual


def _severity(kind: DefectType | None) -> str:
    return str(kind.get_severity_display()) if kind else ""


@dataclass(frozen=True)
class ShownAnswer:
    pair: QAPair
    pieces: list[Piece]


@dataclass(frozen=True)
class Version:
    """One annotation, whole."""

    annotation: Annotation
    verdict: Verdict | None
    regions: list[ShownRegion]
    deleted: list[Finding]
    description: list[Piece]
    answers: list[ShownAnswer]
    tally: Tally
    sides: tuple[str, ...] = SIDES

    @property
    def changed_verdict(self) -> bool:
        said = self.verdict.evaluation if self.verdict else self.annotation.evaluation
        return said != self.annotation.evaluation


@dataclass(frozen=True)
class Story:
    """Of one inspection: its task, all that was said of it (newest first), the one that is shown."""

    task: LabelTask | None
    link: str
    annotations: Sequence[Annotation]
    shown: Version | None

    @property
    def waits(self) -> bool:
        return self.task is not None and self.task.status in (*queues.WAITING, Status.LABELLED)


def story_of(inspection: Inspection, wanted: str = "") -> Story:
    """``wanted`` is the key of the version to show; the latest that was not skipped without it.

    Reads the verdicts that were fetched with the inspection.
    """
    tasks = LabelTask.objects.select_related("project").defer("proposed", "project__config")
    task = tasks.filter(inspection=inspection).first()
    rows = list(inspection.annotations.select_related("person").order_by("-made_at", "-pk"))
    chosen = _chosen(rows, wanted)
    shown = _version(chosen, verdict_of(chosen, task, inspection)) if chosen else None
    return Story(task, queues.link_of(task) if task else "", rows, shown)


def _chosen(rows: Sequence[Annotation], wanted: str) -> Annotation | None:
    told = [row for row in rows if not row.skipped]
    named = (row for row in told if str(row.pk) == wanted)
    return next(named, next(iter(told), None))


def verdict_of(
    annotation: Annotation, task: LabelTask | None, inspection: Inspection
) -> Verdict | None:
    """What was laid before the person; of an imported file, the latest that a model said."""
    verdicts = sorted(inspection.verdicts.all(), key=lambda one: one.judged_at, reverse=True)
    if task is not None and annotation.label_task_id == task.pk:
        return next((one for one in verdicts if one.pk == task.verdict_id), None)
    return next(iter(verdicts), None)


def _version(annotation: Annotation, verdict: Verdict | None) -> Version:
    findings = {one.pk: one for one in verdict.findings.all()} if verdict else {}
    light = LabelledRegion.objects.select_related("defect_type").defer("counts")
    prefetch_related_objects([annotation], Prefetch("regions", light), "answers")
    description = verdict.description if verdict else ""
    return Version(
        annotation=annotation,
        verdict=verdict,
        regions=[ShownRegion(one, _made_from(one, findings)) for one in annotation.regions.all()],
        deleted=[one for one in findings.values() if one.number in annotation.deleted],
        description=by_words(description, annotation.description),
        answers=[
            ShownAnswer(pair, by_words(pair.predicted, pair.corrected))
            for pair in annotation.answers.all()
        ],
        tally=tally(annotation),
    )


def _made_from(region: LabelledRegion, findings: Mapping[UUID, Finding]) -> Finding | None:
    return findings.get(region.finding_id) if region.finding_id else None
