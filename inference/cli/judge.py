"""judge: pictures to judgements, in words or as JSON, with overlays if wanted."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

import inference
from inference.cli.output import emit, emit_json
from inference.faults import Fault
from inference.files import picture
from inference.overlay import draw


class CannotWrite(Fault):
    """The folder for overlays cannot be used."""


def run(options: argparse.Namespace) -> int:
    detector = inference.load(options.artefact, device=options.device)
    if options.overlay:
        _make(options.overlay)
    found = []
    for number, path in enumerate(tqdm(options.images, unit="picture", disable=None)):
        judgement = _judge(detector, path, options.overlay, number)
        found.append({"image": str(path), **judgement})
        if not options.json:
            emit(_line(path, judgement))
    if options.json:
        emit_json({"artefact": detector.artefact_sha256, "judgements": found})
    return 0


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


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be used for overlays: {error.strerror}.") from error
