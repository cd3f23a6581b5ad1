"""Patch features by name: the door to four families. Knows no detector and no threshold.

- ``builtin``: the project's own small network, shipped with it.
- ``timm:<model>@<file.safetensors>``: strides 8, 16 and 32 of a CNN.
- ``open_clip:<model>/<tag or file>``: pictures and text in one space.
- ``hf:<id or folder>``: DINOv2, DINOv3 and SigLIP.

A backbone travels inside the artefact: its weights (float16) and the spec that rebuilds it. So
weights are rounded to float16 when they are opened, and a detector that was just fitted equals
the one that is loaded later. Nothing here reaches for the network: weights lie in files or in the
model hub's local cache. A family is imported when a name asks for it.
"""

from importlib import import_module
from typing import Any

from inference.backbones.backbone import Backbone, Source, Tensors
from inference.zoo import UnknownName

__all__ = ["Backbone", "Source", "open_backbone", "restore", "source"]

FAMILIES = {
    "builtin": "inference.backbones.builtin",
    "timm": "inference.backbones.timm_family",
    "open_clip": "inference.backbones.clip_family",
    "hf": "inference.backbones.hf_family",
}


def open_backbone(name: str) -> Backbone:
    """The backbone of a name, from local files only; UnknownName says what to do instead."""
    family, rest = _split(name)
    found: Backbone = family.opened(rest)
    return found


def source(name: str) -> Source:
    """Where the weights of a name are published; UnknownName if they are not."""
    family, rest = _split(name)
    found: Source = family.source(rest)
    return found


def restore(spec: dict[str, Any], tensors: Tensors) -> Backbone:
    """The backbone that an artefact carries: its spec and what ``weights`` returned."""
    if spec["family"] not in FAMILIES:
        raise UnknownName(
            f"The artefact has a backbone of the family {spec['family']!r}, which this version "
            "does not know: fit it anew."
        )
    found: Backbone = import_module(FAMILIES[spec["family"]]).restored(spec, tensors)
    return found


def _split(name: str) -> tuple[Any, str]:
    family, _, rest = name.partition(":")
    if family not in FAMILIES:
        raise UnknownName(
            f"There is no backbone named {name!r}: use builtin, timm:<model>@<file.safetensors>, "
            "open_clip:<model>/<tag or file> or hf:<id or folder>."
        )
    return import_module(FAMILIES[family]), rest
