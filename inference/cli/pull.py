"""pull: fetch the weights of a backbone, or say what can be fetched."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inference.backbones import source
from inference.cli import listing
from inference.cli.output import emit
from inference.cli.places import refuse_unwritable
from inference.download import BytesDone, fetch


def run(options: argparse.Namespace) -> int:
    if options.backbone == "list":
        return listing.run(options)
    found = source(options.backbone)
    refuse_unwritable(options.out, "weights")
    emit(f"licence: {found.licence}")
    name = options.backbone.replace(":", "_").replace("/", "_")
    if len(found.urls) == 1:
        path = _fetched(found.url, options.out / f"{name}{Path(found.url).suffix}")
        emit(f"use it as: {options.backbone}@{path}")
        return 0
    for url in found.urls:
        _fetched(url, options.out / name / Path(url).name)
    emit(f"use it as: {options.backbone.partition(':')[0]}:{options.out / name}")
    return 0


def _fetched(url: str, target: Path) -> Path:
    emit(f"from: {url}")
    with _bar(target.name) as progress:
        got = fetch(url, target, progress)
    emit(f"sha256: {got.sha256}  {got.path}")
    return got.path


@contextmanager
def _bar(label: str) -> Iterator[BytesDone]:
    shown: tqdm[Any] = tqdm(desc=label, unit="B", unit_scale=True, file=sys.stderr, disable=None)

    def progress(done: int, total: int) -> None:
        shown.total = total or None
        shown.update(done - shown.n)

    with shown:
        yield progress
