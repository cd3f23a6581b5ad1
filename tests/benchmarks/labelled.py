"""Pictures of real defects that annotators are to correct, in bulk. Needs Django set up."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

from inference import datasets, runlengths
from qms import storage
from qms.inspections.models import Finding, Inspection, Source, Status, Verdict
from qms.labels import actions
from qms.labels.models import Reason
from qms.partitions import key_at
from qms.plant.actions import ensure_product
from qms.plant.models import DefectType, Product
from qms.registry.models import ModelVersion
from tests.pictures import SHARED

MOST_REGIONS = 2
KINDS = ("blowhole", "break", "crack", "fray", "uneven")
PICTURE = (400, 300)  # of a made-up one, where the real ones are not at hand

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """One upright PNG, and the masks of its defects, (height, width) each."""

    picture: bytes
    kind: str
    masks: list[Mask]


def parts(number: int) -> Iterator[Part]:
    """Magnetic tiles with the masks that came with them; the same again when they end."""
    folder = SHARED / "data" / "mtd"
    known = _real(folder) if folder.exists() else [_made_up(seed) for seed in range(50)]
    return islice(cycle(known), number)


def _real(folder: Path) -> list[Part]:
    rows = [row for row in datasets.read(folder) if row.mask]
    found = [_part(row) for row in rows]
    return [part for part in found if part.masks]


def _part(row: datasets.Row) -> Part:
    truth = np.asarray(Image.open(row.mask)) > 127
    out = io.BytesIO()
    Image.open(row.path).convert("RGB").save(out, "PNG", compress_level=1)
    return Part(out.getvalue(), row.defect_type, _largest(truth))


def _largest(truth: Mask) -> list[Mask]:
    """Each connected piece is a region; the largest of them."""
    count, numbered, about, _ = cv2.connectedComponentsWithStats(truth.astype(np.uint8))
    sizes = about[1:count, cv2.CC_STAT_AREA]
    return [numbered == 1 + place for place in np.argsort(-sizes)[:MOST_REGIONS]]


def _made_up(seed: int) -> Part:
    """Grey ground with one or two dark ellipses."""
    chance = np.random.default_rng(seed)
    width, height = PICTURE
    y, x = np.mgrid[:height, :width]
    masks = []
    for left in np.array_split(np.arange(width), MOST_REGIONS)[: 1 + seed % MOST_REGIONS]:
        centre, radii = (left.mean(), height / 2), chance.uniform(10, 60, 2)
        masks.append(((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1)
    grey = chance.normal(128, 8, (height, width)) - 60 * np.any(masks, axis=0)
    out = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(out, "PNG", compress_level=1)
    return Part(out.getvalue(), KINDS[seed % len(KINDS)], masks)


def settled(number: int, code: str) -> list[Inspection]:
    """So many settled pictures of a product that has a model, each with one or two findings."""
    product = ensure_product(code, defect_types=list(KINDS), now=timezone.now())
    maker = _Maker(product)
    found = [maker.make(part, timezone.now()) for part in parts(number)]
    rows, verdicts, findings = zip(*found, strict=True)
    Inspection.objects.bulk_create(rows)
    Verdict.objects.bulk_create(verdicts)
    Finding.objects.bulk_create([one for some in findings for one in some])
    return list(rows)


def want(inspections: Sequence[Inspection]) -> None:
    """All before the annotators at one moment."""
    now = timezone.now()
    with transaction.atomic():
        for inspection in inspections:
            actions.want(inspection, reason=Reason.BY_HAND, why="Chosen by hand.", now=now)


class _Maker:
    """Rows as the actions would have left them; a picture that comes again is one file."""

    def __init__(self, product: Product) -> None:
        self.product, self.version = product, ModelVersion.active_for(product)
        self.types = {one.code: one for one in DefectType.objects.filter(product=product)}
        self.kept: dict[str, str] = {}

    def make(self, part: Part, now: datetime) -> tuple[Inspection, Verdict, list[Finding]]:
        height, width = part.masks[0].shape
        key = key_at(now, uuid4())
        inspection = Inspection(
            id=key,
            product=self.product,
            source=Source.API,
            status=Status.SETTLED,
            settled_at=now,
            evaluation="NOT_OK",
            score=0.9,
            picture_key=self._file(part),
            picture_sha256=hashlib.sha256(part.picture).hexdigest(),
            width=width,
            height=height,
            captured_at=now,
            received_at=now,
        )
        verdict = self._verdict(inspection)
        findings = [self._finding(verdict, n, part) for n in range(1, len(part.masks) + 1)]
        return inspection, verdict, findings

    def _file(self, part: Part) -> str:
        name = hashlib.sha256(part.picture).hexdigest()
        if name not in self.kept:
            self.kept[name] = f"pictures/bench/{name}.png"
            storage.keep(self.kept[name], part.picture)
        return self.kept[name]

    def _verdict(self, inspection: Inspection) -> Verdict:
        return Verdict(
            id=Verdict.key_of(inspection.pk, self.version.pk),
            inspection=inspection,
            model_version=self.version,
            evaluation="NOT_OK",
            score=0.9,
            probability=0.9,
            threshold_ok=0.2,
            threshold_not_ok=0.5,
            heatmap_key="none",
            description="A suspicious region was found.",
            width=inspection.width,
            height=inspection.height,
            judged_at=inspection.received_at,
        )

    def _finding(self, verdict: Verdict, number: int, part: Part) -> Finding:
        mask = part.masks[number - 1]
        y, x = (np.flatnonzero(mask.any(axis=side)) for side in (1, 0))
        return Finding(
            id=Finding.key_of(verdict.pk, number),
            verdict=verdict,
            number=number,
            defect_type=self.types[part.kind],
            score=0.9,
            x=int(x[0]),
            y=int(y[0]),
            width=int(np.ptp(x)) + 1,
            height=int(np.ptp(y)) + 1,
            contour=[],
            counts=runlengths.encode(mask),
            area_px=int(mask.sum()),
            contrast=0.0,
            elongation=1.0,
            cell="centre",
        )
