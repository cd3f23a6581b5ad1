"""list: the names there are, and what each needs."""

import argparse

from inference import zoo
from inference.cli.output import emit

BACKBONES = {
    "builtin": "Andon's own small network, shipped with it",
    "builtin:<file.safetensors>": "the same with weights of your own (train-backbone)",
    "builtin:filters": "fixed filters, the yardstick that it has to beat",
    "timm:<model>@<file.safetensors>": "a timm CNN with its weights in a local file",
    "timm:<model>": "the same, its weights in the model hub's cache",
    "open_clip:<model>/<file>": "a CLIP vision transformer from a local file",
    "open_clip:<model>/<tag>@<file>": "the same as published, weights in a local file",
    "open_clip:<model>/<tag>": "the same, its weights in the model hub's cache",
    "hf:<folder>": "DINOv2, DINOv3 or SigLIP from a local folder",
    "hf:<owner>/<model>": "the same, from the model hub's cache",
}
LAYERS = "open_clip and hf take ?layers=6,12 at the end of a name: the blocks to look at"


def run(_options: argparse.Namespace) -> int:
    emit("detectors")
    for name in sorted(zoo.DETECTORS):
        emit(f"  {name}")
    emit("backbones")
    for name, says in BACKBONES.items():
        emit(f"  {name:34} {says}")
    emit(LAYERS)
    return 0
