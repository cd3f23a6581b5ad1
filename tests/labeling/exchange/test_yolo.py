"""YOLO-seg, read back as Ultralytics reads it: cut to pixels, filled with the outline."""

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labeling.exchange.outlines import outlines
from tests.labeling.exchange.pictures import SIDE, exported, labelled, region, square

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))


def filled(polygons, shape):
    whole = np.zeros(shape, np.uint8)
    for polygon in polygons:
        part = np.zeros(shape, np.uint8)
        cv2.fillPoly(part, [np.asarray(polygon, np.int32)], 1)
        whole |= part
    return whole.astype(bool)


def read(text):
    """Class and mask of each line."""
    for line in text.splitlines():
        kind, *values = line.split()
        points = np.array(values, np.float32).reshape(-1, 2)
        yield int(kind), filled([(points * SIDE).astype(np.int32)], (SIDE, SIDE))


def labels(*regions, **words):
    picture = labelled(*regions, seed=1, **words)
    files = exported([picture], "yolo")
    return files, files.get(f"labels/train/{picture.identity}.txt", b"").decode()


@given(MASKS)
@settings(max_examples=200, deadline=None)
def test_the_outlines_of_any_mask_fill_to_the_mask_again(mask):
    """With holes, specks, lines of one pixel: IoU is 1, not just near it."""
    assert (filled(outlines(mask), mask.shape) == mask).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_so_do_those_of_blots_with_many_holes(seed):
    noise = np.random.default_rng(seed).random((90, 120), np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 2) > 0.5
    assert (filled(outlines(mask), mask.shape) == mask).all()


def test_holes_within_holes_are_left_open():
    mask = np.zeros((40, 40), bool)
    for inset, value in ((2, True), (6, False), (10, True), (14, False)):
        mask[inset : 40 - inset, inset : 40 - inset] = value
    assert (filled(outlines(mask), mask.shape) == mask).all()
    assert len(outlines(mask)) == 2


def test_straight_stretches_have_points_at_their_ends_only():
    (square_outline,) = outlines(square())
    assert len(square_outline) == 4


@given(hnp.arrays(np.bool_, (SIDE, SIDE)))
@settings(max_examples=40, deadline=None)
def test_the_lines_of_a_region_give_its_mask_back(mask):
    whole = np.zeros((SIDE, SIDE), bool)
    for kind, part in read(labels(region(mask, "dent"))[1]):
        assert kind == 1
        whole |= part
    assert (whole == mask).all()


def test_a_region_in_several_parts_has_a_line_each_and_the_manifest_says_so():
    files, text = labels(region(square() | square(40, 40)), region(square(20, 20), "dent"))
    assert [kind for kind, _ in read(text)] == [0, 0, 1]
    assert b'"regions in several parts, a line each": 1' in files["manifest.json"]


def test_a_speck_of_one_pixel_is_a_polygon_of_three_points():
    _, text = labels(region(square(5, 6, 1)))
    assert len(text.split()) == 7
    ((_, mask),) = read(text)
    assert (mask == square(5, 6, 1)).all()


def test_a_good_picture_has_an_empty_file_of_labels():
    files, text = labels()
    assert text == ""
    assert yaml.safe_load(files["data.yaml"]) == {
        "path": ".",
        "train": "images/train",
        "val": "images/val",
        "test": "images/test",
        "names": {0: "scratch", 1: "dent"},
    }


def test_regions_of_no_known_type_are_of_a_last_class():
    files, text = labels(region(label=None))
    assert yaml.safe_load(files["data.yaml"])["names"][2] == "unknown"
    assert text.startswith("2 ")


@pytest.mark.parametrize("evaluation", ["NOT_OK", "NOT_DECIDABLE"])
def test_what_yolo_would_take_for_good_is_left_out(evaluation):
    files, _ = labels(evaluation=evaluation)
    assert not [name for name in files if name.startswith("images/")]
    assert b"YOLO" in files["pictures.csv"]
