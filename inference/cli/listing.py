"""list: the names there are, and which backbones come with a later version."""

import argparse

from inference import zoo
from inference.cli.output import emit

BACKBONES = {
    "builtin": "fixed filters, no weights needed",
    "timm:<model>@<file.safetensors>": "a timm CNN with its weights in a local file",
    "open_clip:<model>/<file>": "not yet available",
    "hf:<folder>": "not yet available",
}


def run(_options: argparse.Namespace) -> int:
    emit("detectors")
    for name in sorted(zoo.DETECTORS):
        emit(f"  {name}")
    emit("backbones")
    for name, says in BACKBONES.items():
        emit(f"  {name:34} {says}")
    return 0
