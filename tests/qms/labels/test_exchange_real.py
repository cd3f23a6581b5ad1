"""Real pictures with real masks through the whole house: in, out, in again, out again."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco
from pycocotools.coco import COCO

from inference import datasets, files
from qms.inspections.models import Inspection
from tests import factories
from tests.pictures import SHARED
from tests.qms.labels.exchange_fixtures import brought_in, documents, taken_out, zip_of

pytestmark = pytest.mark.real
SETS = {"mtd": 12, "mvtec_screw": 5, "mvtec_hazelnut_small": 8, "neu_det": 8}


def rows_of(name, most):
    """Some of each type of a set, and good ones."""
    place = SHARED / "data" / name
    with (place / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    kinds = sorted({row["defect_type"] for row in rows if row["mask"]})
    chosen = [r for k in kinds for r in rows if r["defect_type"] == k and r["mask"]][:: len(kinds)]
    good = [row for row in rows if row["label"] == "good"][:3]
    return place, chosen[:most] + good


def coco_of(name, most):
    """A foreign COCO zip of a set, and the masks by their annotation's number."""
    place, rows = rows_of(name, most)
    kinds = sorted({row["defect_type"] for row in rows} - {""})
    said = {"images": [], "annotations": [], "categories": []}
    said["categories"] = [{"id": 10 * n, "name": kind} for n, kind in enumerate(kinds, start=1)]
    masks, inside = {}, {}
    for number, row in enumerate(rows, start=1):
        data = (place / row["path"]).read_bytes()
        width, height = Image.open(io.BytesIO(data)).size
        image = {"id": number, "width": width, "height": height, "file_name": row["path"]}
        said["images"].append(image)
        inside[row["path"]] = data
        if row["mask"]:
            mask = np.asarray(Image.open(place / row["mask"]).convert("L")) > 127
            packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
            said["annotations"].append(
                {
                    "id": 1000 + number,
                    "image_id": number,
                    "category_id": 10 * (kinds.index(row["defect_type"]) + 1),
                    "segmentation": {**packed, "counts": packed["counts"].decode()},
                    "area": int(mask.sum()),
                    "iscrowd": 0,
                }
            )
            masks[1000 + number] = mask
    return zip_of({"all.json": json.dumps(said).encode(), **inside}), said, masks


@pytest.mark.parametrize(("name", "most"), SETS.items())
def test_real_masks_go_through_the_house_pixel_for_pixel(db, deliver_all, tmp_path, name, most):
    file, said, masks = coco_of(name, most)
    product = factories.product("part", "other")
    factories.model(product)
    plan = brought_in(file, product, add_types=True)
    assert (plan.pictures, plan.broken) == (len(said["images"]), [])
    deliver_all()
    assert set(Inspection.objects.values_list("status", flat=True)) == {"SETTLED"}
    files = taken_out(product)
    assert_same(files, said, masks, tmp_path)
    again = factories.product("again", "other")
    factories.model(again)
    assert brought_in(zip_of(files), again, add_types=True).broken == []
    deliver_all()
    before, after = documents(files), documents(taken_out(again))
    assert after["images"] == before["images"]
    assert after["annotations"] == before["annotations"]


def assert_same(found, said, masks, tmp_path):
    """Read by pycocotools: the ids of the foreign file, its sizes and each of its masks."""
    seen = {}
    for split in ("train", "val", "test"):
        if (name := f"annotations/instances_{split}.json") in found:
            path = tmp_path / f"{split}.json"
            path.write_bytes(found[name])
            read = COCO(str(path))
            for one in read.loadAnns(read.getAnnIds()):
                assert (read.annToMask(one) == masks[one["id"]]).all()
                seen[one["id"]] = (one["image_id"], one["category_id"], one["area"])
    told = said["annotations"]
    assert seen == {one["id"]: (one["image_id"], one["category_id"], one["area"]) for one in told}


def test_real_pictures_in_mvtecs_layout_are_read_by_our_reader(db, deliver_all, tmp_path):
    file, _, masks = coco_of("mtd", 12)
    product = factories.product("part", "other")
    factories.model(product)
    brought_in(file, product, add_types=True)
    for name, data in taken_out(product, "mvtec").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    rows = datasets.read(tmp_path / "part")
    bad = [files.mask(row.mask, files.picture(row.path)) for row in rows if row.is_defect]
    assert sorted(int(mask.sum()) for mask in bad) == sorted(int(m.sum()) for m in masks.values())
    assert {row.label for row in rows} == {"good", "defect"}
