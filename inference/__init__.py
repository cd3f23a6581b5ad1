"""Judge pictures: ``load`` a detector, then ask it to ``judge``.

Importing this costs nothing: torch and the detector are imported when ``load`` builds one.
"""

from pathlib import Path

from inference import zoo
from inference.detector import Detector
from inference.judgement import Judgement

__all__ = ["Detector", "Judgement", "load"]


def load(folder: Path, *, device: str = "auto") -> Detector:
    """The detector of an artefact folder, ready; BadArtefact or UnknownName if it cannot be."""
    return zoo.detector_class(zoo.detector_name(folder)).load(folder, device=device)
