"""pull: fetch the weights of a backbone, or say what can be fetched."""

import argparse
import sys
from typing import Any

from tqdm import tqdm

from inference.backbones import source
from inference.cli import listing
from inference.cli.output import emit
from inference.download import BytesDone, fetch


def run(options: argparse.Namespace) -> int:
    if options.backbone == "list":
        return listing.run(options)
    found = source(options.backbone)
    emit(f"from: {found.url}")
    emit(f"licence: {found.licence}")
    name = options.backbone.replace(":", "_").replace("/", "_")
    got = fetch(found.url, options.out / f"{name}.safetensors", _bar(name))
    emit(f"sha256: {got.sha256}")
    emit(f"use it as: {options.backbone}@{got.path}")
    return 0


def _bar(label: str) -> BytesDone:
    shown: tqdm[Any] = tqdm(desc=label, unit="B", unit_scale=True, file=sys.stderr, disable=None)

    def progress(done: int, total: int) -> None:
        shown.total = total or None
        shown.update(done - shown.n)

    return progress
