"""The one door from the application to the inference library.

What stands at module level costs no torch, so the web process may ask for the cheap checks.
"""

import io
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

import inference
from inference import datasets, runlengths, zoo
from inference.detector import Detector
from inference.faults import Fault
from inference.files import PictureFiles
from inference.images import (
    BadPicture,
    Picture,
    PictureFacts,
    decode,
    encode_upright,
    inspect_header,
)
from inference.judgement import Judgement
from inference.language.describe import describe
from inference.plain_png import without_metadata
from inference.threads import in_threads
from qms.registry.actions import Artefact
from qms.registry.models import ModelVersion, Status

__all__ = [
    "BadPicture",
    "Fault",
    "Judgement",
    "Picture",
    "PictureFacts",
    "decode",
    "encode_upright",
    "in_threads",
    "without_metadata",
]

log = structlog.get_logger(__name__)


def check(data: bytes) -> PictureFacts:
    """Format, size and wholeness of a picture, without decoding it. BadPicture says what to do."""
    return inspect_header(data, max_bytes=settings.MAX_PICTURE_MB * 1024 * 1024)


def judge_many(
    pictures: Sequence[Picture],
    *,
    by: ModelVersion,
    mm_per_px: float | None,
    limits: tuple[float, float] | None = None,
) -> list[Judgement]:
    """What this model says of each picture; sizes in millimetres too where the scale is known.

    ``limits`` are a recipe's thresholds in the place of the model's own: OK below the first, not
    OK from the second on.
    """
    judgements = _tuned(by.artefact, by.sha256, limits).judge_many(pictures)
    if mm_per_px is None:
        return judgements
    return [_in_millimetres(judgement, mm_per_px) for judgement in judgements]


def _in_millimetres(judgement: Judgement, mm_per_px: float) -> Judgement:
    text = describe(
        judgement.evaluation,
        judgement.regions,
        width=judgement.width,
        height=judgement.height,
        mm_per_px=mm_per_px,
    )
    return replace(judgement, description=text)


def heatmap_png(judgement: Judgement) -> bytes:
    """The heat map as a 16-bit grey PNG: 0 is no heat, 32768 the not-OK threshold."""
    scaled = judgement.heatmap.astype(np.float32) / max(judgement.threshold_not_ok, 1e-9) * 32768
    grey = Image.fromarray(np.clip(scaled, 0, 65535).astype(np.uint16))
    out = io.BytesIO()
    grey.save(out, "PNG", compress_level=1)
    return out.getvalue()


@lru_cache(maxsize=8)
def _detector(artefact: str, sha256: str) -> Detector:
    """Loaded once a process. Refuses an artefact whose content is not what was enrolled."""
    detector = inference.load(settings.ARTEFACTS / artefact)
    if detector.artefact_sha256 != sha256:
        raise ValueError(f"Artefact {artefact} is not the one that was enrolled: enrol it again.")
    log.info("model loaded", artefact=artefact)
    return detector


@lru_cache(maxsize=16)
def _tuned(artefact: str, sha256: str, limits: tuple[float, float] | None) -> Detector:
    detector = _detector(artefact, sha256)
    if limits is None:
        return detector
    own = detector.thresholds
    ok, not_ok = limits
    return detector.with_thresholds(replace(own, ok=ok, not_ok=not_ok, promise=""))


def mask_of(counts: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The exact mask of a finding, (height, width)."""
    return runlengths.decode(counts, shape)


def counts_of(mask: NDArray[np.bool_]) -> list[int]:
    """A mask in the form in which those of findings are kept."""
    return runlengths.encode(mask)


def warm_up() -> None:
    """Load the active models, so that the first picture after a start waits for nothing."""
    for version in ModelVersion.objects.filter(status=Status.ACTIVE).order_by("-promoted_at")[:4]:
        try:
            _detector(version.artefact, version.sha256)
        except Exception:  # the deliveries that need this model will say what is wrong
            log.exception("model not loaded", artefact=version.artefact)


# What a person needs to know before fitting; a page must not wait for SciPy to tell it.
LEAST_NORMALS = 20
PROMISED = {20: 14.0, 59: 5.0, 99: 3.0, 299: 2.1}  # so many normals: false calls, in per cent
DETECTORS = zoo.FITTABLE


@dataclass(frozen=True)
class Fitted:
    """A new artefact in its place, and what its normals were.

    ``scores`` are those of the held-out normals, in the order of their names; empty where the
    artefact does not tell whose they are.
    """

    artefact: Artefact
    pictures: int
    seconds: float
    threshold_ok: float
    threshold_not_ok: float
    calibration: list[float]
    scores: list[float]


def fit(
    folder: Path,
    *,
    product: str,
    detector: str,
    backbone: str,
    size: int,
    progress: Callable[[int, int], None],
    promise: float | None = None,
) -> Fitted:
    """Fit a detector on the normals of a data set and put its artefact where workers find it.

    ``promise`` raises the upper threshold until false calls are provably that rare.
    Raises Fault (an unreadable folder, an unknown backbone, a broken picture) with one sentence.
    """
    started = time.perf_counter()
    rows = datasets.normals_to_fit(folder)
    options = {"backbone": backbone, "size": size, "progress": progress}
    fitted = _fitted(detector, rows, options, promise)
    beside = settings.ARTEFACTS / f".{product}-{uuid4().hex}"
    sha256 = fitted.save(beside)
    artefact = _put_in_place(beside, product, sha256, fitted.about())
    limits = fitted.thresholds
    return Fitted(
        artefact,
        len(rows),
        time.perf_counter() - started,
        limits.ok,
        limits.not_ok,
        list(limits.calibration),
        _scores(limits.calibration, limits.parts, len(rows)),
    )


def _fitted(
    detector: str, rows: Sequence[datasets.Row], options: dict[str, Any], promise: float | None
) -> Detector:
    """A detector says by ValueError what it cannot be fitted on."""
    pictures, groups = PictureFiles([row.path for row in rows]), [row.group for row in rows]
    try:
        fitted = zoo.detector_class(detector).fit(pictures, groups, **options)
        return fitted if promise is None else _promising(fitted, promise)
    except ValueError as error:
        raise Fault(f"{str(error).rstrip('.')}: give it more, or other, pictures.") from error


def _promising(fitted: Detector, promise: float) -> Detector:
    from inference.thresholds import demand  # brings SciPy along, which the web does without

    return fitted.with_thresholds(demand(fitted.thresholds, promise))


def _scores(calibration: Sequence[float], parts: Sequence[int], count: int) -> list[float]:
    """Back into the order of the pictures, if each of them is one part with one score."""
    if sorted(parts) != list(range(count)):
        return []
    return [score for _, score in sorted(zip(parts, calibration, strict=True))]


def defect_types_of(folder: Path) -> list[str]:
    """The defect types that a data set names, single ones, in order."""
    named = {row.defect_type for row in datasets.read(folder) if row.is_defect}
    return sorted({one for joined in named for one in joined.split("+") if one})


def _put_in_place(beside: Path, product: str, sha256: str, about: dict[str, Any]) -> Artefact:
    name = f"{product}-{sha256[:12]}"
    if (settings.ARTEFACTS / name).exists():  # the same pictures and options give the same bytes
        shutil.rmtree(beside)
    else:
        beside.rename(settings.ARTEFACTS / name)
    return Artefact(
        folder=name,
        sha256=sha256,
        detector=str(about["detector"]),
        backbone=str(about.get("backbone", "")),
        promise=str(about["thresholds"]["promise"]),
        scorecard={},
    )
