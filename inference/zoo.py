"""The detectors by name. Names only: a detector's module is imported when one is asked for."""

import json
from importlib import import_module
from pathlib import Path

from inference.detector import Detector
from inference.faults import Fault

DETECTORS = {
    "memory": "inference.detectors.memory:Memory",
    "stub": "inference.detectors.stub:Stub",
}


class UnknownName(Fault):
    """No detector, backbone or device has this name."""


def detector_class(name: str) -> type[Detector]:
    """The class of a detector; UnknownName lists the names there are."""
    if name not in DETECTORS:
        known = ", ".join(sorted(DETECTORS))
        raise UnknownName(f"There is no detector named {name!r}: choose one of {known}.")
    module, _, attribute = DETECTORS[name].partition(":")
    found: type[Detector] = getattr(import_module(module), attribute)
    return found


def detector_name(folder: Path) -> str:
    """The detector that an artefact is of; the artefact itself is verified when it is loaded.

    Read here without ``inference.artefact``, so that importing ``inference`` stays cheap.
    """
    try:
        return str(json.loads((Path(folder) / "config.json").read_text())["detector"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnknownName(
            f"{folder} is not an artefact: its config.json cannot be read. "
            "Make one with `python -m inference fit`."
        ) from error
