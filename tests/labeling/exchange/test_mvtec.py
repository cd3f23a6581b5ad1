"""MVTec's layout, read by this project's own reader of data sets."""

import io

import numpy as np
import pytest
from PIL import Image

from inference import datasets, files
from labeling.exchange.splits import Splitter
from tests.labeling.exchange.pictures import ALL_TRAIN, exported, labelled, region, square
from tests.pictures import picture as grey

ALL_TEST = Splitter(shares=(0.0, 0.0, 1.0))


def unpacked(tmp_path, entries, splitter):
    for name, data in exported(entries, "mvtec", splitter=splitter).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "tile"


def test_our_reader_of_folders_finds_types_and_masks(tmp_path):
    mask = square() | square(40, 30)
    entries = [labelled(seed=1), labelled(region(mask), seed=2), labelled(region(), seed=3)]
    place = unpacked(tmp_path, entries, ALL_TEST)
    (place / "manifest.csv").unlink()
    rows = datasets.read(place)
    kinds = [(row.path.relative_to(place).as_posix(), row.defect_type) for row in rows]
    assert kinds == [
        ("test/good/000.png", ""),
        ("test/scratch/000.png", "scratch"),
        ("test/scratch/001.png", "scratch"),
    ]
    assert (files.mask(rows[1].mask, files.picture(rows[1].path)) == mask).all()


def test_our_manifest_tells_the_true_splits_and_types(tmp_path):
    both = labelled(region(), region(square(40, 40), "dent"), seed=2, lot="L7")
    place = unpacked(tmp_path, [labelled(seed=1), both], ALL_TRAIN)
    good, bad = datasets.read(place)
    assert (good.split, good.label) == ("train", "good")
    assert (bad.split, bad.defect_type, bad.group) == ("train", "scratch+dent", "lot L7")
    shown = files.mask(bad.mask, files.picture(bad.path))
    assert (shown == (square() | square(40, 40))).all()
    assert datasets.normals_to_fit(place) == [good]
    assert datasets.defects_to_fit(place) == [bad]


def test_bad_pictures_of_the_training_split_stand_where_readers_of_mvtec_do_not_look(tmp_path):
    place = unpacked(tmp_path, [labelled(seed=1), labelled(region(), seed=2)], ALL_TRAIN)
    assert not (place / "test").exists()
    assert not (place / "ground_truth").exists()
    assert (place / "train_defects_ground_truth/scratch/000_mask.png").is_file()


def test_a_picture_with_several_types_is_combined(tmp_path):
    both = labelled(region(), region(square(40, 40), "dent"))
    place = unpacked(tmp_path, [both, labelled(region(label=None), seed=1)], ALL_TEST)
    assert (place / "test/combined/000.png").is_file()
    assert (place / "test/unknown/000.png").is_file()
    assert b"\"of several types, in the folder 'combined'\": 1" in (
        tmp_path / "manifest.json"
    ).read_bytes().replace(b'\\"', b"'")


@pytest.mark.parametrize(
    ("words", "why"),
    [({"evaluation": "NOT_OK"}, "no mask"), ({"evaluation": "NOT_DECIDABLE"}, "nobody could")],
)
def test_what_mvtec_cannot_carry_is_left_out_and_told(words, why):
    found = exported([labelled(seed=1, **words)], "mvtec")
    assert set(found) == {"tile/manifest.csv", "manifest.json", "pictures.csv"}
    assert why in found["pictures.csv"].decode()


def test_a_jpeg_becomes_a_png_of_the_same_pixels():
    jpeg = grey(seed=3, kind="JPEG")
    found = exported([labelled(seed=1, content=lambda: jpeg)], "mvtec")
    with Image.open(io.BytesIO(found["tile/train/good/000.png"])) as written:
        assert written.format == "PNG"
        shown = np.asarray(written)
    with Image.open(io.BytesIO(jpeg)) as sent:
        assert (shown == np.asarray(sent)).all()


def test_types_that_are_called_as_folders_of_mvtec_keep_apart():
    found = exported(
        [labelled(region(label="good")), labelled(region(label=".."), seed=1)], "mvtec"
    )
    assert "tile/train_defects/good_type/000.png" in found
    assert "tile/train_defects/_../000.png" in found
