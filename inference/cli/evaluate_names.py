"""evaluate-names: what a namer says of labelled defects, against what they are."""

import argparse
import hashlib
from collections.abc import Sequence
from typing import Any

from inference import datasets
from inference.cli.naming import CannotName, Opened, opened, shown, typed
from inference.cli.output import bar, emit, emit_json
from inference.datasets import Row
from inference.files import content, picture
from inference.judgement import Candidate
from inference.namers.figures import figures
from inference.namers.namer import Namer, vote

NOTHING = ""  # the answer where the detector found no region


def run(options: argparse.Namespace) -> int:
    inside = opened(options.artefact, options.device)
    if inside.namer is None:
        raise CannotName(
            f"{options.artefact} does not name: teach it with `python -m inference teach`."
        )
    rows = typed(datasets.labelled(options.dataset, options.split), options.dataset)
    new = _not_taught(rows, inside.namer)
    if not new:
        raise CannotName(f"All defects of {options.dataset} in this split were taught to it.")
    found = _figures(options, inside, inside.namer, new) | {
        "left_out": len(rows) - len(new),
        "namer": inside.namer.config["namer"],
        "types": inside.namer.config["types"],
        "artefact_sha256": inside.sha256,
    }
    if options.json:
        emit_json(found)
    else:
        _print(found)
    return 0


def _figures(
    options: argparse.Namespace, inside: Opened, namer: Namer, rows: Sequence[Row]
) -> dict[str, Any]:
    said = []
    with bar("evaluate names") as progress:
        for done, row in enumerate(rows, start=1):
            if options.regions == "found":
                said.append(_of_the_detector(options, inside, row))
            else:
                said.append(_of_true_places(namer, row, options.regions))
            progress(done, len(rows))
    codes = [one[0].code if one else NOTHING for one in said]
    sure = [one[0].probability if one else 0.0 for one in said]
    return figures([row.defect_type for row in rows], codes, sure)


def _of_true_places(namer: Namer, row: Row, regions: str) -> list[Candidate]:
    seen, places = shown(row, regions)
    return vote(namer.name(seen, places), [region.area_px for region in places])


def _of_the_detector(options: argparse.Namespace, inside: Opened, row: Row) -> list[Candidate]:
    if inside.detector is None:
        raise CannotName(f"{options.artefact} has no detector that could find regions.")
    regions = inside.detector.judge_many([picture(row.path)])[0].regions
    return vote([region.candidates for region in regions], [region.area_px for region in regions])


def _not_taught(rows: Sequence[Row], namer: Namer) -> list[Row]:
    """Neither a picture that was learnt from nor another one of the same part."""
    taught, groups = set(namer.config.get("taught", [])), set(namer.config.get("groups", []))
    apart = [row for row in rows if row.group not in groups]
    return [row for row in apart if hashlib.sha256(content(row.path)).hexdigest() not in taught]


def _print(found: dict[str, Any]) -> None:
    for name, value in found.items():
        if name == "confusion":
            emit("confusion (truth: answers)")
            for code, answers in value.items():
                counts = ", ".join(f"{answer or 'nothing'} {n}" for answer, n in answers.items())
                emit(f"  {code}: {counts}")
        else:
            emit(f"{name:<22} {f'{value:.4f}' if isinstance(value, float) else value}")
