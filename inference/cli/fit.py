"""fit: pictures of good parts, and confirmed defects if there are, to an artefact folder."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inference import datasets, zoo
from inference.cli import prompts
from inference.cli.output import bar, emit
from inference.cli.places import refuse_unwritable_artefact, refuse_unwritable_file
from inference.datasets import BadDataset, Row
from inference.detector import Detector
from inference.detectors.fitted import Fitted
from inference.faults import Fault
from inference.files import DefectFiles, PictureFiles
from inference.promises import FALSE_CALLS, events_to_allow
from inference.thresholds import demand, part_numbers

LEARN_FROM_DEFECTS = ("head", "fusion", "zeroshot")
KEEP_CHECKPOINTS = ("head", "fusion")


class CannotFit(Fault):
    """The pictures do not suffice."""


def run(options: argparse.Namespace) -> int:
    _refuse_what_does_not_fit_together(options)
    defects = _defects(options)
    rows = _normals(options, defects)
    _refuse_unwritable(options)
    _refuse_a_promise_beyond(options, rows)
    started = time.perf_counter()
    detector = _fitted(options, rows, defects)
    seconds = time.perf_counter() - started
    name = detector.save(options.out, {"fit_seconds": round(seconds, 3)})
    learnt = f" and {shown} confirmed defects" if (shown := _with_a_mask(defects)) else ""
    emit(f"{options.out}: {options.detector} from {len(rows)} pictures{learnt} in {seconds:.1f} s")
    emit(f"promise: {detector.about()['thresholds']['promise']}")
    emit(f"sha256: {name}")
    return 0


def _fitted(options: argparse.Namespace, rows: Sequence[Row], defects: Sequence[Row]) -> Detector:
    try:
        with bar("fit", "step") as progress:
            detector = zoo.detector_class(options.detector).fit(
                PictureFiles([row.path for row in rows]),
                [row.group for row in rows],
                backbone=options.backbone,
                size=options.size,
                device=options.device,
                seed=options.seed,
                false_call_rate=options.false_call_rate,
                progress=progress,
                **_further(options, defects),
            )
        return _promising(detector, options.promise)
    except ValueError as error:
        raise CannotFit(f"{options.data}: {error}.") from error


def _promising(detector: Detector, rate: float | None) -> Detector:
    """The detector with its upper threshold raised until ``rate`` is proven; as it is without."""
    if rate is None:
        return detector
    if not isinstance(detector, Fitted):
        raise CannotFit(f"The detector {detector.about()['detector']} takes no --promise.")
    return detector.with_thresholds(demand(detector.thresholds, rate))


def _refuse_a_promise_beyond(options: argparse.Namespace, rows: Sequence[Row]) -> None:
    """What all good pictures together cannot prove need not be fitted first."""
    if options.promise is None:
        return
    parts = len(set(part_numbers([row.group for row in rows], len(rows))))
    try:
        events_to_allow(FALSE_CALLS, parts, options.promise)
    except ValueError as error:
        raise CannotFit(f"{options.data}: {error}.") from error


def _refuse_unwritable(options: argparse.Namespace) -> None:
    """Before the work, not after it."""
    refuse_unwritable_artefact(options.out)
    if options.checkpoint is not None:
        refuse_unwritable_file(options.checkpoint, "a checkpoint")


def _refuse_what_does_not_fit_together(options: argparse.Namespace) -> None:
    if options.confirmed_groups and options.confirmed is None:
        raise CannotFit("--confirmed-groups says how to draw: add --confirmed N.")
    for name, able in (("confirmed", LEARN_FROM_DEFECTS), ("checkpoint", KEEP_CHECKPOINTS)):
        if getattr(options, name) is not None and options.detector not in able:
            raise CannotFit(
                f"The detector {options.detector} takes no --{name}: choose {' or '.join(able)}."
            )


def _defects(options: argparse.Namespace) -> list[Row]:
    """What is learnt from; then, without masks, what shows the same parts and must not be tested."""
    if options.detector not in LEARN_FROM_DEFECTS:
        return []
    found = datasets.defects_to_fit(options.data)
    if options.confirmed is None:
        return found
    drawn = datasets.confirmed(
        options.data, options.confirmed, seed=options.seed, whole_groups=options.confirmed_groups
    )
    return [*found, *drawn, *_other_views(options, drawn)]


def _other_views(options: argparse.Namespace, drawn: Sequence[Row]) -> list[Row]:
    """Without a mask nothing is learnt from them, but they are named among what was."""
    if not options.confirmed_groups or options.detector not in KEEP_CHECKPOINTS:
        return []
    others = datasets.of_the_same_parts(options.data, drawn)
    return [replace(row, mask=None, defect_type="") for row in others]


def _with_a_mask(rows: Sequence[Row]) -> int:
    return sum(row.mask is not None for row in rows)


def _normals(options: argparse.Namespace, defects: Sequence[Row]) -> list[Row]:
    try:
        return datasets.normals_to_fit(options.data)
    except BadDataset:
        if not defects:
            raise
    raise CannotFit(
        f"{options.data} has defects to learn from but no good pictures in the split train: "
        "what is normal must be shown too."
    )


def _further(options: argparse.Namespace, defects: Sequence[Row]) -> dict[str, Any]:
    """What only some detectors take."""
    further = prompts.given(options)
    if options.detector in LEARN_FROM_DEFECTS:
        further["defects"] = DefectFiles(defects)
    if options.detector in KEEP_CHECKPOINTS:
        further["checkpoint"] = options.checkpoint
    return further
