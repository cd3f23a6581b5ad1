"""Pictures at the labelling desk in each of their states, by the real actions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
from django.utils import timezone

from labeling.words import Answer, Labelled, LabelledRegion, Mask, Origin
from qms.inspections.judge import mask_of
from qms.inspections.models import Finding, Inspection
from qms.labels import actions, schema
from qms.labels.models import Annotation, LabelTask, Reason, StudioProject
from qms.plant.models import Product

_numbers = count(100)


def wanted(
    inspection: Inspection, *, reason: Reason = Reason.UNCERTAIN, why: str = ""
) -> LabelTask:
    said = why or "Its score lies between the two thresholds."
    return actions.want(inspection, reason=reason, why=said, now=timezone.now())


def project_of(product: Product) -> StudioProject:
    """As it is once Label Studio has been told."""
    project = schema.ensure_project(product, now=timezone.now())
    if project.studio_id is None:
        project.studio_id = next(_numbers)
        project.save(update_fields=["studio_id"])
    return project


def opened(inspection: Inspection, **words: Any) -> LabelTask:
    """It lies before the annotators."""
    task = wanted(inspection, **words)
    findings = Finding.objects.filter(verdict=task.verdict)
    proposed = {
        "regions": {f"f{one.number}": None for one in findings},
        "answers": {},
        "description": task.verdict.description,
        "evaluation": task.verdict.evaluation,
    }
    actions.opened(
        task,
        project=project_of(inspection.product),
        studio_id=next(_numbers),
        proposed=proposed,
        shown_as="model 1",
        now=timezone.now(),
    )
    task.refresh_from_db()
    return task


def failed(
    inspection: Inspection, error: str = "Label Studio does not know the label “dent”."
) -> LabelTask:
    task = wanted(inspection)
    actions.fail(task, error, now=timezone.now())
    task.refresh_from_db()
    return task


def corrected(inspection: Inspection, *, by: str = "anna", **words: Any) -> Annotation:
    """A person changed something of it in Label Studio; ``words`` replace those of ``said``."""
    task = LabelTask.objects.filter(inspection=inspection).first()
    if task is None or task.status == "WANTED":
        task = opened(inspection)
    annotation = actions.receive(task, said(task, **words), person=by, now=timezone.now())
    assert annotation is not None
    return annotation


def said(task: LabelTask, **words: Any) -> Labelled:
    """The model's verdict turned round, its description kept, its regions left as they were."""
    now = timezone.now()
    mine: dict[str, Any] = {
        "studio_id": next(_numbers),
        "task_id": task.studio_id,
        "updated_at": now,
        "made_at": now,
        "person": 1,
        "seconds": 12.0,
        "skipped": False,
        "skip_reason": "",
        "evaluation": "NOT_OK",
        "evaluation_origin": Origin.CHANGED,
        "description": task.verdict.description,
        "description_origin": Origin.PREDICTION,
        "regions": [left(one) for one in Finding.objects.filter(verdict=task.verdict)],
        "answers": [],
    }
    return Labelled(**{**mine, **words})


def left(finding: Finding, **words: Any) -> LabelledRegion:
    """A finding of the model, as a person left or changed it."""
    shape = (finding.verdict.height, finding.verdict.width)
    kind = finding.defect_type
    mine: dict[str, Any] = {
        "key": f"f{finding.number}",
        "label": kind.code if kind else None,
        "severity": kind.severity if kind else None,
        "confidence": None,
        "note": "",
        "mask": mask_of(finding.counts, shape),
        "origin": Origin.PREDICTION,
    }
    return LabelledRegion(**{**mine, **words})


def drawn(mask: Mask, label: str = "dent", severity: str = "MAJOR", **words: Any) -> LabelledRegion:
    mine: dict[str, Any] = {"key": f"r{next(_numbers)}", "confidence": 4, "note": ""}
    return LabelledRegion(
        **{
            **mine,
            "label": label,
            "severity": severity,
            "mask": mask,
            "origin": Origin.MANUAL,
            **words,
        }
    )


def box(inspection: Inspection, x: int, y: int, width: int, height: int) -> Mask:
    mask = np.zeros((inspection.height, inspection.width), np.bool_)
    mask[y : y + height, x : x + width] = True
    return mask


def answer(question: str, text: str, predicted: str | None = None, slot: str = "q1") -> Answer:
    origin = Origin.MANUAL
    if predicted is not None:
        origin = Origin.PREDICTION if text == predicted else Origin.CHANGED
    return Answer(slot=slot, question=question, text=text, predicted=predicted, origin=origin)


def skipped(inspection: Inspection, reason: str = "too dark", by: str = "anna") -> Annotation:
    return corrected(inspection, by=by, skipped=True, skip_reason=reason, evaluation="", regions=[])


def aged(tasks: Sequence[LabelTask], since: timedelta, now: datetime | None = None) -> None:
    moment = (now or timezone.now()) - since
    LabelTask.objects.filter(pk__in=[task.pk for task in tasks]).update(wanted_at=moment)
