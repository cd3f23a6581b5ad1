"""What teach, evaluate-names and discover share: an artefact that may name, and places to name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference import artefact, zoo
from inference.backbones import Backbone, open_backbone, restore
from inference.cli.opening import contents_of
from inference.datasets import BadDataset, Row
from inference.detectors.fitted import Fitted, part
from inference.detectors.named import Named
from inference.devices import chosen
from inference.faults import Fault
from inference.files import defect
from inference.images import Picture
from inference.judgement import Region
from inference.namers import crops, shelf
from inference.namers.features import CropFeatures
from inference.namers.namer import Namer
from inference.namers.prototypes import SIZE, Prototypes

NONE = "none"  # typed in place of an artefact: names are taught without a detector


# Where an artefact holds the weights: of a detector, of a fusion's memory, of either with names.
CARRIED = ("backbone", "memory.backbone", "detector.backbone", "detector.memory.backbone")


class CannotName(Fault):
    """The artefact and what is asked of it do not go together."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An artefact as the commands about names need it: any of the two may be missing."""

    detector: Fitted | None
    namer: Namer | None
    sha256: str
    config: dict[str, Any]
    tensors: artefact.Tensors
    device: str

    def backbone(self) -> Backbone | None:
        """The detector's or namer's own, as the artefact carries it; None if it has none."""
        spec = self.config.get("backbone")
        if not isinstance(spec, dict):
            return None
        found = (part(place, self.tensors) for place in CARRIED)
        return restore(spec, next(filter(None, found), {})).to(chosen(self.device))

    def features(self) -> CropFeatures:
        """Those that the namer compares, or the like of the detector's backbone."""
        if isinstance(self.namer, Prototypes):
            return self.namer.features
        network = self.backbone() or open_backbone("builtin").to(chosen(self.device))
        return CropFeatures(network, SIZE)


def opened(folder: Path, device: str) -> Opened:
    """A detector, a detector that names, or a namer alone; BadArtefact for anything else."""
    found = artefact.read(folder)
    config, tensors = found.config, found.tensors
    detector: Fitted | None = None
    namer: Namer | None = None
    with contents_of(folder):
        if "detector" in config:
            detector = _detector(config, tensors, device)
            namer = detector.namer if isinstance(detector, Named) else None
        else:
            namer = shelf.rebuilt(config, tensors, device=device)
    return Opened(detector, namer, found.sha256, config, tensors, device)


def shown(row: Row, regions: str) -> tuple[Picture, list[Region]]:
    """A picture and its true places: the parts of its mask, or the whole where none is drawn.

    The whole in any case if ``regions`` is "whole": where only some types have masks, that there
    is one would give the type away.
    """
    found = defect(row)
    mask = None if regions == "whole" else found.mask
    return found.picture, crops.places(found.picture, mask)


def typed(rows: list[Row], place: Path) -> list[Row]:
    """Defects of one known type; a picture with two types teaches and tests neither."""
    found = [
        row for row in rows if row.is_defect and row.defect_type and "+" not in row.defect_type
    ]
    if not found:
        raise BadDataset(f"{place} has no defects of a known type to name.")
    return found


def _detector(config: dict[str, Any], tensors: artefact.Tensors, device: str) -> Fitted:
    kind: Any = zoo.detector_class(config["detector"])
    found: Fitted = kind.rebuilt(config, tensors, device=device)
    return found
