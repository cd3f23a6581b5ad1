"""fit: pictures of good parts to an artefact folder."""

import argparse
import time

from inference import artefact, datasets, zoo
from inference.cli.output import bar, emit
from inference.faults import Fault
from inference.files import PictureFiles


class CannotFit(Fault):
    """The pictures do not suffice."""


def run(options: argparse.Namespace) -> int:
    rows = datasets.normals_to_fit(options.data)
    artefact.refuse_to_replace_something_else(options.out)  # before the work, not after it
    started = time.perf_counter()
    try:
        detector = zoo.detector_class(options.detector).fit(
            PictureFiles([row.path for row in rows]),
            [row.group for row in rows],
            backbone=options.backbone,
            size=options.size,
            device=options.device,
            seed=options.seed,
            false_call_rate=options.false_call_rate,
            progress=bar("fit", "step"),
        )
    except ValueError as error:
        raise CannotFit(f"{options.data}: {error}.") from error
    seconds = time.perf_counter() - started
    name = detector.save(options.out, {"fit_seconds": round(seconds, 3)})
    emit(f"{options.out}: {options.detector} from {len(rows)} pictures in {seconds:.1f} s")
    emit(f"promise: {detector.about()['thresholds']['promise']}")
    emit(f"sha256: {name}")
    return 0
