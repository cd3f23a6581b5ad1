"""The namers by kind. Names only: a namer's module is imported when one is asked for."""

from importlib import import_module
from typing import Any

from inference.artefact import Tensors
from inference.namers.namer import Namer
from inference.zoo import UnknownName

NAMERS = {
    "prompts": "inference.namers.prompts:Prompts",
    "prototypes": "inference.namers.prototypes:Prototypes",
}


def rebuilt(config: dict[str, Any], tensors: Tensors, *, device: str = "auto") -> Namer:
    """The namer of a config and tensors; UnknownName if this version knows no such kind."""
    kind = config.get("namer")
    if kind not in NAMERS:
        known = ", ".join(sorted(NAMERS))
        raise UnknownName(f"There is no namer of the kind {kind!r}: this version knows {known}.")
    module, _, attribute = NAMERS[kind].partition(":")
    found: type[Namer] = getattr(import_module(module), attribute)
    return found.rebuilt(config, tensors, device=device)
