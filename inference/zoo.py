"""The detectors by name. Names only: a detector's module is imported when one is asked for."""

import json
from importlib import import_module
from pathlib import Path

from inference.detector import Detector
from inference.faults import Fault

DETECTORS = {
    "fusion": "inference.detectors.fusion:Fusion",
    "head": "inference.detectors.head:Head",
    "memory": "inference.detectors.memory:Memory",
    "named": "inference.detectors.named:Named",
    "stub": "inference.detectors.stub:Stub",
    "zeroshot": "inference.detectors.zeroshot:ZeroShot",
}
FITTABLE = tuple(sorted(DETECTORS.keys() - {"named"}))  # names are taught to one that is fitted


class UnknownName(Fault):
    """No detector, backbone or device has this name."""


def detector_class(name: str) -> type[Detector]:
    """The class of a detector; UnknownName lists the names there are."""
    if name not in DETECTORS:
        known = ", ".join(sorted(DETECTORS))
        raise UnknownName(
            f"There is no detector named {name!r} in this version: choose one of {known}."
        )
    module, _, attribute = DETECTORS[name].partition(":")
    found: type[Detector] = getattr(import_module(module), attribute)
    return found


def detector_name(folder: Path) -> str:
    """The detector that an artefact is of; the artefact itself is verified when it is loaded.

    Read here without ``inference.artefact``, so that importing ``inference`` stays cheap.
    """
    try:
        config = json.loads((Path(folder) / "config.json").read_text())
        if "namer" in config and "detector" not in config:
            raise UnknownName(
                f"{folder} holds names and no detector, so it cannot judge: "
                "teach the names to a detector with `python -m inference teach`."
            )
        return str(config["detector"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnknownName(
            f"{folder} is not an artefact: its config.json cannot be read. "
            "Make one with `python -m inference fit`."
        ) from error
