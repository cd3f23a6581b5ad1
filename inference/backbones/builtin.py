"""``builtin``: the project's own small network, its weights beside this file (docs/backbone.md).

``builtin:FILE`` takes other weights of it, as ``train-backbone`` writes them. ``builtin:filters``
is what stood here before it was learnt: fixed filters (``inference.filterbank``), kept as the
yardstick and for the artefacts that were fitted with them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference import filterbank
from inference.backbones.backbone import Backbone, Source, Tensors, stored
from inference.backbones.folding import folded
from inference.backbones.pupil import CHANNELS, Pupil
from inference.backbones.weightfiles import fill, needed, read
from inference.filterbank import FilterBank
from inference.zoo import UnknownName

WEIGHTS = Path(__file__).with_name("builtin.safetensors")
FILTERS = "filters"
NETWORK = 2  # version of an artefact's spec; filters have filterbank's


def opened(rest: str) -> Backbone:
    """The shipped network, ``filters``, or the network with the weights of a file."""
    if rest == FILTERS:
        return _filters()
    file = Path(rest) if rest else WEIGHTS
    return _learnt(f"builtin:{file.name}" if rest else "builtin", read(file))


def restored(spec: dict[str, Any], tensors: Tensors) -> Backbone:
    if spec.get("version") == NETWORK:
        state = {name: torch.from_numpy(value) for name, value in tensors.items()}
        return _learnt(spec["name"], state)
    if spec.get("version") == filterbank.VERSION:
        return _filters()
    raise UnknownName(
        f"The artefact was fitted with version {spec.get('version')} of the builtin backbone, "
        f"this is version {NETWORK}: fit it anew."
    )


def source(_rest: str) -> Source:
    raise UnknownName("There are no weights to fetch for 'builtin': they are here already.")


def _learnt(name: str, state: Mapping[str, Tensor]) -> Backbone:
    network = Pupil()
    fill(network, needed(network, state, "builtin"), "builtin")
    half = [0.5] * 3
    spec = {"family": "builtin", "name": name, "version": NETWORK, "mean": half, "std": half}
    return Backbone(spec, folded(network), sum(CHANNELS), stored(network))


def _filters() -> Backbone:
    plain = {"mean": [0.0] * 3, "std": [1.0] * 3}
    name = f"builtin:{FILTERS}"
    spec = {"family": "builtin", "name": name, "version": filterbank.VERSION, **plain}
    bank = FilterBank()
    return Backbone(spec, bank, bank.channels)
