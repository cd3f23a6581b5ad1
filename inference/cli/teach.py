"""teach: a namer from the confirmed defects of a data set, inside a detector or alone."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference import datasets
from inference.backbones import Backbone, open_backbone
from inference.cli.naming import NONE, Opened, opened, typed
from inference.cli.output import bar, emit
from inference.cli.places import refuse_unwritable_artefact
from inference.datasets import Row
from inference.detectors.named import Named, as_found
from inference.devices import chosen
from inference.faults import Fault
from inference.files import DefectFiles
from inference.namers import outlines
from inference.namers.outlines import Outlining
from inference.namers.prototypes import Prototypes


class CannotTeach(Fault):
    """The confirmed defects do not suffice."""


def run(options: argparse.Namespace) -> int:
    rows = typed(datasets.labelled(options.dataset, options.split), options.dataset)
    refuse_unwritable_artefact(options.out)  # before the work, not after it
    inside = None if str(options.artefact) == NONE else opened(options.artefact, options.device)
    if inside is not None and inside.detector is None:
        raise CannotTeach(f"{options.artefact} has no detector: teach it anew with `teach {NONE}`.")
    started = time.perf_counter()
    namer = _taught(options, drawn(rows, options.per_type, options.seed), inside)
    whole = namer if inside is None or inside.detector is None else Named.of(inside.detector, namer)
    notes = {"teach_seconds": round(time.perf_counter() - started, 3)}
    _say(options, namer, whole.save(options.out, notes))
    return 0


def drawn(rows: Sequence[Row], per_type: int | None, seed: int) -> list[Row]:
    """At most ``per_type`` rows of each type, drawn by ``seed``; all of them without a number."""
    rng = np.random.default_rng(seed)
    found = []
    for kind in sorted({row.defect_type for row in rows}):
        own = sorted((row for row in rows if row.defect_type == kind), key=lambda row: row.path)
        found += [own[index] for index in rng.permutation(len(own))[:per_type]]
    return found


def _taught(options: argparse.Namespace, rows: Sequence[Row], inside: Opened | None) -> Prototypes:
    if options.regions == "whole":
        rows = [replace(row, mask=None) for row in rows]
    try:
        with bar("teach", "crop") as progress:
            return Prototypes.fit(
                DefectFiles(rows),
                _backbone(options, inside),
                seed=options.seed,
                by=_outlining(inside),
                progress=progress,
            )
    except ValueError as error:
        raise CannotTeach(f"{options.dataset}: {error}.") from error


def _outlining(inside: Opened | None) -> Outlining:
    if inside is None or inside.detector is None:
        return outlines.drawn
    return as_found(inside.detector)


def _backbone(options: argparse.Namespace, inside: Opened | None) -> Backbone:
    """The one asked for, or the detector's own, which is then stored once."""
    own = inside.backbone() if inside is not None and options.backbone is None else None
    name = options.backbone or "builtin"
    return own or open_backbone(name).to(chosen(options.device))


def _say(options: argparse.Namespace, namer: Prototypes, sha256: str) -> None:
    config = namer.config
    counts = ", ".join(f"{code} {count}" for code, count in config["crops"].items())
    emit(f"{options.out}: names for {len(config['types'])} types from crops: {counts}")
    if config["cross_validated"]:
        share = config["cross_validated"][config["head"]]
        emit(f"held-out crops named rightly: {100 * share:.1f} % ({config['head']})")
    emit(f"promise: {config['promise']}")
    emit(f"sha256: {sha256}")
