"""What annotators did in the house whose pages are shown, without a Label Studio beside it."""

from datetime import timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from labeling.words import Mask, Origin
from qms.accounts.models import User
from qms.inspections.models import Finding, Inspection
from qms.labels import actions
from qms.labels.models import Annotation, Desk, LabelTask, Ring, StudioProject
from qms.web.machined_parts import part
from qms.web.management.commands.demo import _LINE_SEED, defect_of
from tests import desk

_WHYS = (
    ("UNCERTAIN", "Its score lies between the two thresholds."),
    ("DISPUTED", "otto says OK, the model not OK."),
    ("ASKED", "otto asks for it: the edge of the stain is not clear."),
)
_ERROR = (
    "Label Studio refused it: the label “stain” is not known there. Give it its name back, "
    "then try again."
)


def labelled(ines: User) -> dict[str, str]:
    """Name the pages of the desk, and of a part whose masks and words were corrected."""
    parts = [
        one
        for one in _with_findings()
        if not LabelTask.objects.filter(inspection=one, status="PULLED")
    ]
    best = _correct(parts[0], by=str(ines))
    desk.corrected(parts[1], by=str(ines), seconds=31.0, evaluation="OK", regions=[])
    desk.corrected(parts[2], by="otto", seconds=8.4, **_kept(parts[2]))
    desk.skipped(parts[3], by="otto", reason="The picture is out of focus.")
    desk.failed(parts[4], _ERROR)
    for number, one in enumerate(parts[5:12]):
        reason, why = _WHYS[number % len(_WHYS)]
        desk.aged([desk.opened(one, reason=reason, why=why)], timedelta(minutes=7 + 19 * number))
    _of_the_line()
    return {
        "labels": "/labels/",
        "labels-wall": "/labels/",
        "labels-hand": "/labels/",
        "labels-sync": "/labels/sync/",
        "inspection-corrected": f"/inspections/{best.inspection_id}/",
        "inspection-corrected-hand": f"/inspections/{best.inspection_id}/#labels",
    }


def _with_findings() -> list[Inspection]:
    found = Finding.objects.order_by("-area_px").values_list("verdict__inspection", flat=True)
    rows = Inspection.objects.select_related("product").exclude(status="JUDGED")
    by_key = rows.exclude(reviews__blind=True, reviews__status__in=("OPEN", "CLAIMED")).in_bulk(
        list(dict.fromkeys(found))
    )
    return [by_key[key] for key in dict.fromkeys(found) if key in by_key]


def _kept(part: Inspection) -> dict[str, Any]:
    verdict = part.verdicts.get()
    return {"evaluation": verdict.evaluation, "evaluation_origin": Origin.PREDICTION}


def _correct(inspection: Inspection, *, by: str) -> Annotation:
    """The region is drawn tighter and named, a second one is drawn, the words are mended."""
    finding = Finding.objects.filter(verdict__inspection=inspection).order_by("-area_px")[0]
    number = int(inspection.serial.rsplit("-", 1)[1])
    made = defect_of(number) or "stain"
    other = {one.number for one in Finding.objects.filter(verdict=finding.verdict)}
    old = desk.left(finding, label=made, severity="MAJOR", confidence=4, origin=Origin.CHANGED,
        note="Only the dark part; the shine beside it is light.", mask=_true(number))  # fmt: skip
    spot = _disc(inspection, round(0.735 * inspection.width), round(0.65 * inspection.height), 7)
    text = finding.verdict.description
    task = desk.opened(inspection, reason="ASKED", why="otto asks for it: where does it end?")
    words = {
        "seconds": 74.0,
        "regions": [old, desk.drawn(spot, "dent", "MINOR", confidence=3)],
        "deleted": [f"f{one}" for one in sorted(other - {finding.number})],
        "description": text.replace("suspicious region", made.replace("_", " ")).replace(
            "lighter", "darker"
        ),
        "description_origin": Origin.CHANGED,
        "answers": [
            desk.answer("Where is the defect?", "Near the rim, around one hole.", "Near the rim."),
            desk.answer("Can the part be reworked?", "No.", "No.", "q2"),
        ],
        "added": [("Is it older than the wash?", "Yes, there is dirt in it.")],
    }
    desk.corrected(inspection, by="otto", seconds=21.0, **_kept(inspection))
    annotation = actions.receive(task, desk.said(task, **words), person=by, now=timezone.now())
    assert annotation is not None
    return annotation


def _true(number: int) -> Mask:
    """Where the demo line put its defect."""
    return np.asarray(part(_LINE_SEED + number, defect_of(number))[1]) > 0


def _disc(part: Inspection, x: int, y: int, radius: int) -> Mask:
    rows, columns = np.indices((part.height, part.width))
    x, y = (
        int(np.clip(at, radius, size - radius)) for at, size in ((x, part.width), (y, part.height))
    )
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def _of_the_line() -> None:
    now = timezone.now()
    StudioProject.objects.update(looked_at=now - timedelta(seconds=40), drift=["The label “stain” is called “spot” in Label Studio."])  # fmt: skip
    waiting = LabelTask.objects.filter(status="WANTED")
    waiting.update(error="", tries=0, next_try_at=now + timedelta(days=1))
    Desk.objects.update_or_create(
        pk=1, defaults={"error": "", "error_at": None, "answered_at": now}
    )
    for number, action in enumerate(
        ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_CREATED")
    ):
        Ring.objects.create(
            said=f"{number:064}",
            action=action,
            studio_task=100 + number,
            received_at=now - timedelta(minutes=3 - number),
        )
