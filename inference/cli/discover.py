"""discover: what nobody has named yet, put together by kind, with a contact sheet for each."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference import datasets
from inference.cli.naming import Opened, opened, shown
from inference.cli.output import bar, emit, emit_json
from inference.cli.places import refuse_unwritable
from inference.clusterfigures import agreement
from inference.datasets import BadDataset, Row
from inference.discovery import NOISE, Discovery, discover, picture_clusters
from inference.files import picture
from inference.images import Picture
from inference.judgement import Region
from inference.namers import crops
from inference.namers.namer import UNKNOWN

SHEET = (6, 4)  # crops in a row, rows
SIDE = 128  # pixels of a crop on a sheet
GAP = 4
TYPICAL = 10  # members of a cluster in the JSON


@dataclass(frozen=True, eq=False)
class Found:
    """All unknown regions, in order; ``rows[i]`` is the picture of region i."""

    rows: list[int]
    regions: list[Region]
    crops: list[NDArray[np.uint8]]
    features: NDArray[np.float32]


def run(options: argparse.Namespace) -> int:
    refuse_unwritable(options.out, "sheets")  # before the work, not after it
    inside = opened(options.artefact, options.device)
    rows = _rows(options)
    found = _unknown(options, inside, rows)
    result = discover(found.features)
    options.out.mkdir(parents=True, exist_ok=True)
    sheets = _sheets(options.out, result, found)
    told = _told(result, found, rows, sheets) | {"artefact": inside.sha256}
    if options.json:
        emit_json(told)
    else:
        _print(told)
    return 0


def _rows(options: argparse.Namespace) -> list[Row]:
    rows = [row for row in datasets.read(options.folder) if options.split in (None, row.split)]
    if options.regions != "found":
        rows = [row for row in rows if row.is_defect]
    if not rows:
        kind = "pictures" if options.regions == "found" else "defects"
        where = f" in the split {options.split!r}" if options.split is not None else ""
        raise BadDataset(f"{options.folder} has no {kind}{where}.")
    return rows


def _unknown(options: argparse.Namespace, inside: Opened, rows: Sequence[Row]) -> Found:
    features = inside.features()
    of, regions, pieces, values = [], [], [], []
    with bar("discover") as progress:
        for number, row in enumerate(rows):
            seen, places = _places(options, inside, row)
            if places:
                values.append(features.embed(seen, places))
                pieces += list(crops.crops(seen, places, SIDE))
            of += [number] * len(places)
            regions += places
            progress(number + 1, len(rows))
    together = np.concatenate(values) if values else np.empty((0, 1), np.float32)
    return Found(of, regions, pieces, together)


def _places(options: argparse.Namespace, inside: Opened, row: Row) -> tuple[Picture, list[Region]]:
    """What the detector finds and no namer knows; the true places if asked, or without a detector."""
    if options.regions != "found" or inside.detector is None:
        return shown(row, options.regions)
    seen = picture(row.path)
    regions = inside.detector.judge_many([seen])[0].regions
    unnamed = [r for r in regions if not r.candidates or r.candidates[0].code == UNKNOWN]
    return seen, unnamed


def _told(
    result: Discovery, found: Found, rows: Sequence[Row], sheets: Sequence[Path]
) -> dict[str, Any]:
    clusters = [
        {
            "size": len(cluster.members),
            "sheet": str(sheet),
            "typical": [
                {
                    "image": str(rows[found.rows[member]].path),
                    "bbox": list(found.regions[member].bbox),
                    "distance": distance,
                }
                for member, distance in zip(
                    cluster.members[:TYPICAL], cluster.distances[:TYPICAL], strict=True
                )
            ],
        }
        for cluster, sheet in zip(result.clusters, sheets, strict=False)
    ]
    return {
        "pictures": len(rows),
        "regions": len(found.regions),
        "noise": len(result.noise),
        "method": result.method,
        "validity": result.validity,
        "clusters": clusters,
        "figures": _figures(result, found, rows),
    }


def _figures(result: Discovery, found: Found, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Agreement with the types of the defects in which a region was found; None without labels."""
    areas = [region.area_px for region in found.regions]
    voted = picture_clusters(result.labels, areas, found.rows)
    known = [n for n, row in enumerate(rows) if row.is_defect and row.defect_type]
    if not known:
        return None
    met = [number for number in known if number in voted]
    return {
        "defects": len(known),
        "without_region": len(known) - len(met),
        "noise": sum(voted[number] == NOISE for number in met),
        **agreement([rows[number].defect_type for number in met], [voted[n] for n in met]),
    }


def _sheets(folder: Path, result: Discovery, found: Found) -> list[Path]:
    """One PNG a cluster, most typical first; the noise on one of its own, last."""
    made = []
    for number, cluster in enumerate(result.clusters, start=1):
        made.append(folder / f"cluster_{number:02d}.png")
        Image.fromarray(_sheet([found.crops[m] for m in cluster.members])).save(made[-1])
    if result.noise:
        made.append(folder / "noise.png")
        Image.fromarray(_sheet([found.crops[m] for m in result.noise])).save(made[-1])
    return made


def _sheet(pieces: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The first pieces on a white grid of as many rows as they need."""
    columns, most = SHEET
    shown_ones = pieces[: columns * most]
    step, height = SIDE + GAP, -(-len(shown_ones) // columns)
    sheet = np.full((height * step + GAP, columns * step + GAP, 3), 255, np.uint8)
    for index, piece in enumerate(shown_ones):
        y, x = (GAP + step * place for place in divmod(index, columns))
        sheet[y : y + SIDE, x : x + SIDE] = piece
    return sheet


def _print(told: dict[str, Any]) -> None:
    emit(f"{told['regions']} unknown regions in {told['pictures']} pictures")
    for cluster in told["clusters"]:
        emit(
            f"{cluster['sheet']}: {cluster['size']} regions, like {cluster['typical'][0]['image']}"
        )
    emit(f"noise: {told['noise']} regions ({told['method']}, validity {told['validity']:.2f})")
    for name, value in (told["figures"] or {}).items():
        emit(f"{name:<22} {f'{value:.4f}' if isinstance(value, float) else value}")
