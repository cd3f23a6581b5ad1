"""evaluate: a detector against labelled pictures, as a table or as JSON."""

import argparse
from typing import Any

import inference
from inference import artefact, datasets
from inference.cli.output import bar, emit, emit_json
from inference.evaluation import evaluate, even_sample
from inference.files import UnreadableFile
from inference.images import BadPicture


def run(options: argparse.Namespace) -> int:
    detector = inference.load(options.artefact, device=options.device)
    rows = even_sample(datasets.labelled(options.dataset, options.split), options.limit)
    try:
        figures = evaluate(detector, rows, progress=bar("evaluate"))
    except BadPicture as error:
        raise UnreadableFile(f"A picture of {options.dataset} cannot be read. {error}") from error
    figures |= _of_the_artefact(options, detector.about())
    if options.json:
        emit_json(figures)
    else:
        _print(figures, "")
    return 0


def _of_the_artefact(options: argparse.Namespace, about: dict[str, Any]) -> dict[str, Any]:
    found = artefact.read(options.artefact)
    backbone = about["backbone"]
    return {
        "fit_seconds": found.notes.get("fit_seconds"),
        "artefact_bytes": artefact.size_bytes(options.artefact),
        "artefact_sha256": found.sha256,
        "backbone": backbone["name"] if isinstance(backbone, dict) else backbone,
        "detector": about["detector"],
        "promise": about["thresholds"]["promise"],
    }


def _print(figures: dict[str, Any], indent: str) -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            emit(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            shown = f"{value:.4f}" if isinstance(value, float) else value
            emit(f"{indent}{name:<{22 - len(indent)}} {shown}")
