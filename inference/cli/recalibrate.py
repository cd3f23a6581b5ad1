"""recalibrate: a detector as it is, with thresholds from what people have confirmed since.

``ok`` comes from confirmed defects that the detector has not learnt from, ``not_ok`` rises until
a promise on false calls is proven. The result is another artefact; the given one stays as it is.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference import artefact, datasets
from inference.cli import opening
from inference.cli.output import bar, emit, emit_json
from inference.cli.places import refuse_unwritable_artefact
from inference.datasets import Row
from inference.detectors.fitted import Fitted
from inference.detectors.memory import WITHDRAWN
from inference.evaluation import not_learnt
from inference.faults import Fault
from inference.files import content, picture
from inference.promises import ESCAPES, events_to_allow
from inference.thresholds import Thresholds, calibrate_escapes, demand, part_numbers

FOR_TESTS = "test"


class CannotRecalibrate(Fault):
    """The detector or the confirmed defects do not allow what is asked."""


@dataclass(frozen=True)
class Confirmed:
    """Defects that the detector does not know, and how many of the split were left out for it."""

    rows: Sequence[Row]
    left_out: int


def run(options: argparse.Namespace) -> int:
    _refuse_what_cannot_be(options)
    refuse_unwritable_artefact(options.out)  # before the work, not after it
    detector = _adjustable(options)
    confirmed = _confirmed(options, detector)
    limits = _demanded(options, detector.thresholds)
    changed = detector.with_thresholds(_with_escapes(options, detector, confirmed, limits))
    name = changed.save(options.out, artefact.read(options.artefact).notes)
    _say(options, changed.thresholds, confirmed, name)
    return 0


def _refuse_what_cannot_be(options: argparse.Namespace) -> None:
    if options.escape_rate is None and options.promise is None:
        raise CannotRecalibrate("Nothing is asked for: give --escape-rate, --promise or both.")
    if options.split.strip().casefold() == FOR_TESTS:
        raise CannotRecalibrate("Thresholds are never set on test pictures: name another --split.")
    given, out = options.artefact.resolve(), options.out.resolve()
    if given in (out, *out.parents) or out in given.parents:
        raise CannotRecalibrate(
            f"{options.artefact} must stay as it is: name a place apart from it for --out."
        )


def _adjustable(options: argparse.Namespace) -> Fitted:
    detector = opening.detector(options.artefact, options.device)
    about = detector.about()
    kind = about.get("named", about["detector"])
    if not isinstance(detector, Fitted) or kind == "stub":
        raise CannotRecalibrate(f"A {kind} is for trials alone: its thresholds are not set anew.")
    return detector


def _confirmed(options: argparse.Namespace, detector: Fitted) -> Confirmed:
    """Each picture once, and none of a part that the detector has learnt from."""
    rows = [row for row in datasets.read(options.data) if row.is_defect]
    if options.escape_rate is None:
        return Confirmed([], 0)
    own = [row for row in rows if row.split == options.split]
    if not own:
        raise CannotRecalibrate(_no_defects(options))
    new = not_learnt(detector.about(), rows)
    learnt = {row.group for row in set(rows) - set(new)} - {""}
    apart = [row for row in new if row.split == options.split and row.group not in learnt]
    once = {artefact.digest(content(row.path)): row for row in apart}
    if not once:
        raise CannotRecalibrate(
            f"The detector has learnt from all {len(own)} defects of {options.data} in the split "
            f"{options.split!r}, or from their parts: confirm some that it does not know."
        )
    return Confirmed(list(once.values()), len(own) - len(once))


def _no_defects(options: argparse.Namespace) -> str:
    return (
        f"{options.data} has no defects in the split {options.split!r}: list confirmed ones there "
        "in a manifest.csv, with the label defect, or name their --split."
    )


def _demanded(options: argparse.Namespace, limits: Thresholds) -> Thresholds:
    """With ``not_ok`` raised first, since ``ok`` can rise no further than that."""
    if options.promise is None:
        return limits
    if limits.promise.startswith(WITHDRAWN):
        raise CannotRecalibrate(f"{options.artefact} can promise {limits.promise}: fit it anew.")
    try:
        return demand(limits, options.promise)
    except ValueError as error:
        raise CannotRecalibrate(f"{options.artefact}: {error}.") from error


def _with_escapes(
    options: argparse.Namespace, detector: Fitted, confirmed: Confirmed, limits: Thresholds
) -> Thresholds:
    if options.escape_rate is None:
        return limits
    groups = [row.group for row in confirmed.rows]
    try:
        parts = len(set(part_numbers(groups, len(groups))))
        events_to_allow(ESCAPES, parts, options.escape_rate)  # before the work, not after it
        scores = _scores(detector, [row.path for row in confirmed.rows])
        return calibrate_escapes(limits, scores, groups, escape_rate=options.escape_rate)
    except ValueError as error:
        raise CannotRecalibrate(f"{options.data}: {error}.") from error


def _scores(detector: Fitted, paths: Sequence[Path]) -> list[float]:
    """One by one, as on a line."""
    found = []
    with bar("recalibrate") as progress:
        for path in paths:
            found.append(detector.see([picture(path)])[0].score)
            progress(len(found), len(paths))
    return found


def _say(options: argparse.Namespace, limits: Thresholds, confirmed: Confirmed, name: str) -> None:
    told = {
        "artefact": str(options.out),
        "sha256": name,
        "promise": limits.promise,
        "ok": limits.ok,
        "not_ok": limits.not_ok,
        "confirmed": limits.confirmed,
        "left_out": confirmed.left_out,
    }
    if options.json:
        emit_json(told)
        return
    emit(f"{options.out}: ok below {limits.ok:.4f}, not ok from {limits.not_ok:.4f}")
    emit(f"from {limits.confirmed} confirmed defects; {confirmed.left_out} pictures left out")
    emit(f"promise: {limits.promise}")
    emit(f"sha256: {name}")
