"""drift: the pictures of a folder against the calibration of a detector."""

import argparse
from pathlib import Path
from typing import Any

from inference import datasets
from inference.cli import opening
from inference.cli.output import bar, emit, emit_json
from inference.datasets import Row
from inference.drift import check
from inference.files import picture
from inference.thresholds import Thresholds


def run(options: argparse.Namespace) -> int:
    detector = opening.detector(options.artefact, options.device)
    rows = recent(options.folder)
    scores = []
    with bar("drift") as progress:
        for number, row in enumerate(rows, start=1):
            scores.append(detector.judge_many([picture(row.path)])[0].score)
            progress(number, len(rows))
    thresholds = Thresholds.from_json(detector.about()["thresholds"])
    found = check(thresholds, scores, [row.group for row in rows], look=options.look)
    if options.json:
        facts = {"artefact": detector.artefact_sha256, "pictures": len(rows)}
        emit_json({**facts, **found.as_json()})
    else:
        _print(found.sentence, found.as_json())
    return 0


def recent(place: Path) -> list[Row]:
    """The pictures to compare: all of a plain folder; of a data set those that are neither in the
    train split nor known defects.
    """
    rows = datasets.read(place)
    later = [row for row in rows if row.split != "train"] or rows
    good = [row for row in later if not row.is_defect]
    if not good:
        raise datasets.BadDataset(
            f"{place} holds only defects: a drift is looked for among good or unsorted pictures."
        )
    return good


def _print(sentence: str, found: dict[str, Any]) -> None:
    emit(sentence)
    for name in ("gap", "p_value", "p_adjusted", "shift"):
        emit(f"{name:<14} {found[name]:.4f}")
    for name in ("above_ok", "above_not_ok"):
        share = found[name]
        span = f"{share['low']:.4f} to {share['high']:.4f}"
        emit(f"{name:<14} {share['recent']:.4f} ({span}), calibration {share['calibration']:.4f}")
