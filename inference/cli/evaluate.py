"""evaluate: a detector against labelled pictures, as a table or as JSON, with a report if wanted."""

import argparse
import sys
from importlib import import_module
from typing import Any

from inference import artefact, datasets
from inference.cli import opening
from inference.cli.output import bar, emit, emit_json
from inference.cli.places import refuse_unwritable
from inference.evaluation import Trial, even_sample, figures, tried
from inference.thresholds import Thresholds


def run(options: argparse.Namespace) -> int:
    report = _report(options)
    detector = opening.detector(options.artefact, options.device)
    rows = even_sample(datasets.labelled(options.dataset, options.split), options.limit)
    with bar("evaluate") as progress:
        trial = tried(detector, rows, progress=progress)
    found = figures(trial) | _of_the_artefact(options, detector.about())
    if report:
        _write(report, options, trial, found, detector.about())
    if options.json:
        emit_json(found)
    else:
        _print(found, "")
    return 0


def _report(options: argparse.Namespace) -> Any:
    """The module that writes reports, if one is wanted; refuses the folder before the work.

    Imported only then: the drawing library takes a second that plain figures need not pay.
    """
    if options.report is None:
        return None
    report = import_module("inference.report.writing")
    report.refuse_foreign_content(options.report)
    refuse_unwritable(options.report, "the report")
    return report


def _write(
    report: Any,
    options: argparse.Namespace,
    trial: Trial,
    found: dict[str, Any],
    about: dict[str, Any],
) -> None:
    thresholds = Thresholds.from_json(about["thresholds"])
    names = report.write(options.report, trial, found, thresholds, dataset=options.dataset)
    sys.stderr.write(f"report: {options.report / names[0]} with {len(names) - 1} pictures\n")


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
            emit(f"{indent}{name:<{22 - len(indent)}} {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " to ".join(_shown(item) for item in value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)
