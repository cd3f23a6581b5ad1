"""The report of an evaluation: a folder with report.md and its pictures, for people to read.

Only the names in ``FILES`` are written; a folder with anything else in it is left alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inference.drift import Verdict, check
from inference.evaluation import Trial
from inference.faults import Fault
from inference.judgement import Evaluation
from inference.report import charts
from inference.report.sheets import Case, sheet
from inference.report.text import markdown
from inference.thresholds import Thresholds

TEXT = "report.md"
CHARTS = ("roc.png", "scores.png", "types.png", "latency.png")
SHEETS = ("false_calls.png", "escapes.png")
FILES = frozenset({TEXT, *CHARTS, *SHEETS})
WORST = 8  # cases on a sheet


class CannotReport(Fault):
    """The folder cannot take a report."""


def refuse_foreign_content(folder: Path) -> None:
    """A report replaces an older report, and nothing else. Asked before the work, too."""
    if folder.exists() and not folder.is_dir():
        raise CannotReport(f"{folder} is a file: name a folder for the report.")
    foreign = sorted({path.name for path in folder.iterdir()} - FILES) if folder.exists() else []
    if foreign:
        raise CannotReport(
            f"{folder} holds {foreign[0]}, which is no part of a report: choose an empty folder."
        )


def write(
    folder: Path,
    trial: Trial,
    figures: dict[str, Any],
    thresholds: Thresholds,
    *,
    dataset: Path,
) -> list[str]:
    """Write the report and return the names of its files.

    ``figures`` are those of ``evaluate`` with the facts of the artefact; what cannot be drawn
    without a class that is missing is left out. CannotReport if the folder cannot be used.
    """
    refuse_foreign_content(folder)
    cases = worst(trial, dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        drawn = [*_charts(folder, trial, figures, thresholds), *_sheets(folder, cases)]
        warning = unlike_the_calibration(trial, thresholds)
        text = markdown(figures, thresholds, cases, drawn, dataset.name, warning=warning)
        (folder / TEXT).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotReport(f"{folder} cannot take the report: {error.strerror}.") from error
    return [TEXT, *drawn]


def worst(trial: Trial, dataset: Path) -> dict[str, list[Case]]:
    """The good pictures called not ok, highest score first; the defects called ok, lowest first."""
    order = np.argsort(trial.scores, kind="stable")
    passed = np.array([e is Evaluation.OK for e in trial.evaluations])
    called = np.array([e is Evaluation.NOT_OK for e in trial.evaluations])
    false = [index for index in order[::-1] if called[index] and not trial.defects[index]]
    escaped = [index for index in order if passed[index] and trial.defects[index]]
    return {
        "false_calls.png": [_case(trial, index, dataset) for index in false[:WORST]],
        "escapes.png": [_case(trial, index, dataset) for index in escaped[:WORST]],
    }


def unlike_the_calibration(trial: Trial, thresholds: Thresholds) -> str:
    """A warning if the good pictures are of another kind than those of the calibration; or ""."""
    good = [row for row in trial.rows if not row.is_defect]
    if not good:
        return ""
    scores = trial.scores[~trial.defects]
    found = check(thresholds, scores, [row.group for row in good])
    if found.verdict is not Verdict.DRIFTING:
        return ""
    return (
        f"The {found.recent} good parts here do not score like the {found.calibration} held-out "
        f"normals (median {found.shift:+.1f} calibration spreads): what calibration promises does "
        "not hold for them."
    )


def _case(trial: Trial, index: int, dataset: Path) -> Case:
    row = trial.rows[index]
    home = dataset if dataset.is_dir() else dataset.parent
    inside = row.path.is_relative_to(home)
    return Case(
        path=row.path,
        name=str(row.path.relative_to(home)) if inside else row.path.name,
        says=trial.types[index] or "good",
        judgement=trial.judgements[index],
        mask=row.mask,
    )


def _charts(
    folder: Path, trial: Trial, figures: dict[str, Any], thresholds: Thresholds
) -> Iterator[str]:
    if trial.defects.any() and not trial.defects.all():
        charts.roc(
            folder / "roc.png", trial.scores, trial.defects, thresholds, figures["image_auroc"]
        )
        yield "roc.png"
    charts.scores(folder / "scores.png", trial.scores, trial.defects, thresholds)
    yield "scores.png"
    if figures["per_defect_type"]:
        charts.types(folder / "types.png", figures["per_defect_type"])
        yield "types.png"
    spent = np.array(trial.milliseconds)
    charts.latency(folder / "latency.png", spent, figures["latency_ms"])
    yield "latency.png"


def _sheets(folder: Path, cases: dict[str, list[Case]]) -> Iterator[str]:
    titles = {
        "false_calls.png": "Worst false calls: good pictures called not ok",
        "escapes.png": "Worst escapes: defects called ok",
    }
    for name, found in cases.items():
        if found:
            sheet(folder / name, titles[name], found)
            yield name
