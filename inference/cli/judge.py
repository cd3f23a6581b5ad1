"""judge: pictures to judgements, in words or as JSON, with overlays if wanted."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

import inference
from inference.cli import opening
from inference.cli.output import bar, emit, emit_json
from inference.cli.places import refuse_unwritable
from inference.datasets import pictures_in
from inference.detector import Progress
from inference.faults import Fault
from inference.files import picture
from inference.overlay import draw


class NothingToJudge(Fault):
    """A folder holds no picture."""


def run(options: argparse.Namespace) -> int:
    if options.overlay:
        refuse_unwritable(options.overlay, "overlays")
    images = [picture for place in options.images for picture in _pictures(place)]
    detector = opening.detector(options.artefact, options.device)
    if options.overlay:
        options.overlay.mkdir(parents=True, exist_ok=True)
    with bar("judge") as progress:
        found = _judged(options, detector, images, progress)
    if options.json:
        emit_json({"artefact": detector.artefact_sha256, "judgements": found})
    return 0


def _pictures(place: Path) -> list[Path]:
    """The pictures of a folder; a file is taken by its word."""
    if not place.is_dir():
        return [place]
    found = pictures_in(place)
    if not found:
        raise NothingToJudge(f"{place} holds no pictures; the folders in it are not looked into.")
    return found


def _judged(
    options: argparse.Namespace,
    detector: inference.Detector,
    images: Sequence[Path],
    progress: Progress,
) -> list[dict[str, Any]]:
    found = []
    for number, path in enumerate(images):
        judgement = _judge(detector, path, options.overlay, number)
        found.append({"image": str(path), **judgement})
        if not options.json:
            emit(_line(path, judgement))
        progress(number + 1, len(images))
    return found


def _judge(
    detector: inference.Detector, path: Path, overlay: Path | None, number: int
) -> dict[str, Any]:
    started = time.perf_counter()
    seen = picture(path)
    decoding = 1000 * (time.perf_counter() - started)
    judgement = detector.judge_many([seen])[0]
    judgement = replace(judgement, timings_ms={"decode": decoding, **judgement.timings_ms})
    if overlay is None:
        return judgement.as_json()
    target = overlay / f"{number:04d}_{path.stem}.png"
    Image.fromarray(draw(seen.pixels, judgement)).save(target)
    return {**judgement.as_json(), "overlay": str(target)}


def _line(path: Path, judgement: dict[str, Any]) -> str:
    evaluation = str(judgement["evaluation"]).replace("_", " ")
    return f"{path}: {evaluation}, score {judgement['score']:.3f}. {judgement['description']}"
