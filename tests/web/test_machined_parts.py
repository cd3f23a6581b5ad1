import csv

import numpy as np
import pytest
from PIL import Image

from qms.web.machined_parts import DEFECTS, part, write_dataset

SEEDS = (1, 2, 3)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=np.int16)


@pytest.mark.parametrize("defect", [None, *DEFECTS])
def test_the_same_seed_gives_the_same_picture(defect):
    first, second = part(7, defect, size=128), part(7, defect, size=128)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()


def test_another_seed_gives_another_picture():
    assert part(1, None, size=128)[0].tobytes() != part(2, None, size=128)[0].tobytes()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("defect", DEFECTS)
def test_the_mask_is_where_the_pixels_changed(defect, seed):
    spoilt, mask = part(seed, defect)
    changed = np.abs(pixels(spoilt) - pixels(part(seed, None)[0])).max(axis=2)
    inside = pixels(mask) > 0
    assert changed[~inside].max() <= 10  # less than the noise of the sensor
    assert np.median(changed[inside]) > 10
    assert 20 < inside.sum() < 0.05 * inside.size


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_mask_is_black_and_white_and_of_the_size_of_its_picture(defect):
    picture, mask = part(5, defect, size=128)
    assert (picture.mode, mask.mode) == ("RGB", "L")
    assert picture.size == mask.size == (128, 128)
    assert set(np.unique(pixels(mask))) == {0, 255}


def test_a_sound_part_has_an_empty_mask():
    assert part(5, None, size=128)[1].getbbox() is None


def test_an_unknown_defect_is_refused():
    with pytest.raises(ValueError, match="No such defect: rust"):
        part(1, "rust")


def test_a_dataset_has_the_layout_and_a_manifest(tmp_path):
    manifest = write_dataset(tmp_path, normals=5, defects_per_type=1, seed=3)
    with manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == ["train"] * 4 + ["test"] * 5
    assert [row["defect_type"] for row in rows if row["label"] == "defect"] == list(DEFECTS)
    assert len({row["group"] for row in rows}) == len(rows)
    for row in rows:
        assert (tmp_path / row["path"]).is_file()
        assert bool(row["mask"]) == (row["label"] == "defect")
        assert (tmp_path / row["mask"]).exists()
