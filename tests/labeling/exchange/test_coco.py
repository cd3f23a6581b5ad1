"""COCO: everything goes out, and the same comes in."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools.coco import COCO

from inference import runlengths
from labeling.exchange import archive
from labeling.exchange.coco_file import BadCoco, Broken, CocoFile
from labeling.exchange.picture import QA, LabelledPicture, Left
from labeling.exchange.splits import Splitter
from labeling.words import Origin
from tests.labeling.exchange.pictures import (
    SIDE,
    exported,
    labelled,
    region,
    square,
    zip_of,
)

ANNOTATIONS = "annotations/instances_train.json"
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(100, 2**53)
REGIONS = st.builds(
    region,
    hnp.arrays(np.bool_, (SIDE, SIDE)),
    st.sampled_from(["scratch", "dent", None]),
    severity=st.sampled_from(["", "CRITICAL", "MAJOR", "MINOR"]),
    confidence=st.none() | st.integers(1, 5),
    note=TEXT,
    origin=st.sampled_from(Origin),
    finding=st.none() | st.integers(0, 99),
    id=st.none() | NUMBERS,
    said=st.just({}) | st.just({"iscrowd": 1, "attributes": {"depth": 3}}),
)
ANSWERS = st.builds(
    QA,
    slot=TEXT,
    question=TEXT,
    predicted=TEXT,
    corrected=TEXT,
    origin=st.sampled_from(Origin),
    edit_distance=st.none() | st.integers(0, 99),
)


def apart(number, n, place=0):
    """No two things of one file have the same number."""
    return None if number is None else number - number % 100 + 10 * n + place


def picture_from(n, regions, **words):
    words["id"] = apart(words["id"], n)
    own = (replace(one, id=apart(one.id, n, place)) for place, one in enumerate(regions))
    return labelled(*own, seed=n, **words)


def pictures(n: int):
    return st.builds(
        partial(picture_from, n),
        st.lists(REGIONS, max_size=3).map(tuple),
        name=TEXT,
        lot=TEXT,
        serial=TEXT,
        evaluation=st.sampled_from(["OK", "NOT_OK", "NOT_DECIDABLE"]),
        evaluation_origin=st.sampled_from(Origin),
        description=TEXT,
        description_origin=st.sampled_from(Origin),
        answers=st.lists(ANSWERS, max_size=2).map(tuple),
        deleted=st.lists(st.integers(0, 20), max_size=3).map(tuple),
        person=TEXT,
        seconds=st.none() | st.floats(0, 1e6),
        id=st.none() | NUMBERS,
        said=st.just({}) | st.just({"license": 4, "flickr_url": "http://x"}),
    )


def read(files, *, largest=10**6):
    with archive.opened(zip_of(files)) as opened:
        found = CocoFile(opened, product="tile", largest=largest)
        return found, list(found.pictures())


@given(pictures(1), pictures(2))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_goes_out_comes_in_and_goes_out_again_exactly(one, two):
    files = exported([one, two], "coco")
    found, back = read(files)
    for before, after in zip([one, two], back, strict=True):
        assert isinstance(after, LabelledPicture), after
        kept = {**vars(before), "sha256": after.sha256}
        assert vars(after) | {"content": None} == kept | {"content": None}
    again = exported(back, "coco", categories=list(found.categories.values()))
    assert {n: d for n, d in again.items() if n != "pictures.csv"} == {
        n: d for n, d in files.items() if n != "pictures.csv"
    }


def test_pycocotools_reads_it(tmp_path):
    mask = np.random.default_rng(0).random((SIDE, SIDE)) < 0.5
    files = exported([labelled(region(mask), region(square(), "dent"), seed=1)], "coco")
    (tmp_path / "a.json").write_bytes(files[ANNOTATIONS])
    coco = COCO(str(tmp_path / "a.json"))
    first, second = coco.loadAnns(coco.getAnnIds())
    assert (coco.annToMask(first) == mask).all()
    assert (first["area"], first["iscrowd"]) == (mask.sum(), 0)
    assert (second["bbox"], second["area"]) == ([4, 8, 10, 10], 100)
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == ["scratch", "dent", "unknown"]
    assert coco.getCatIds(catNms=["dent"]) == [7]
    (image,) = coco.loadImgs(coco.getImgIds())
    assert f"images/train/{image['file_name']}" in files


def test_ids_stay_when_pictures_are_added():
    def ids(*seeds):
        files = exported([labelled(region(), seed=n) for n in seeds], "coco")
        said = json.loads(files[ANNOTATIONS])
        names = {image["id"]: image["file_name"] for image in said["images"]}
        return {names[one["image_id"]]: one["id"] for one in said["annotations"]}

    assert ids(2).items() <= ids(1, 2, 3).items()


def test_what_is_left_out_stands_in_the_manifest():
    left = Left(identity="abc", name="=evil()", why="skipped: blurred")
    files = exported([labelled(seed=1), left], "coco")
    said = json.loads(files["manifest.json"])
    assert (said["pictures"], said["left_out"]) == (1, {"skipped": 1})
    assert "abc,'=evil(),,,skipped: blurred" in files["pictures.csv"].decode()


def test_an_export_of_nothing_is_still_a_zip_that_says_so():
    files = exported([], "coco")
    assert json.loads(files["manifest.json"])["pictures"] == 0


# --- foreign files ---

FOREIGN = {
    "images": [{"id": 1, "width": SIDE, "height": SIDE, "file_name": "a.png", "license": 2}],
    "categories": [{"id": 5, "name": "scratch", "supercategory": "metal"}],
    "annotations": [
        {
            "id": 9,
            "image_id": 1,
            "category_id": 5,
            "iscrowd": 0,
            "segmentation": [[2.0, 2.0, 12.0, 2.0, 12.0, 9.0, 2.0, 9.0]],
            "bbox": [2, 2, 10, 7],
            "area": 70,
        }
    ],
}
PICTURE = labelled(seed=1).content()


def foreign(place="train.json", picture="pictures/a.png", **changes):
    said = json.loads(json.dumps(FOREIGN))
    for key, words in changes.items():
        said[key][0].update(words)
    return read({place: json.dumps(said).encode(), picture: PICTURE})


def test_a_foreign_file_with_polygons_comes_in():
    found, (picture,) = foreign()
    assert (picture.id, picture.evaluation, picture.made_at) == (1, "NOT_OK", None)
    assert picture.said == {"license": 2}
    assert found.categories["scratch"].said == {"supercategory": "metal"}
    (one,) = picture.regions
    assert (one.id, one.label) == (9, "scratch")
    mask = runlengths.decode(one.counts, (SIDE, SIDE))
    assert mask[2:9, 2:12].all()
    assert mask.sum() == 70


def test_its_identity_is_that_of_its_name_and_content():
    one, other = foreign()[1][0], foreign(picture="elsewhere/a.png")[1][0]
    assert one.identity == other.identity
    assert foreign(images={"file_name": "pictures/a.png"})[1][0].identity != one.identity


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"images": {"file_name": "b.png"}}, "not in the zip"),
        ({"images": {"width": 0}}, "width 0 is no whole number"),
        ({"images": {"width": 2**19, "height": 2**19}}, "larger than any picture"),
        ({"images": {"andon": {"evaluation": "MAYBE"}}}, "'MAYBE' is not one of"),
        ({"images": {"andon": {"identity": "../x"}}}, "none of ours"),
        ({"images": {"andon": {"captured_at": "2026-01-01"}}}, "no time with a zone"),
        ({"images": {"andon": {"deleted": ["x"]}}}, "deleted 'x' is no whole number"),
        ({"images": {"andon": {"answers": [{"slot": 1}]}}}, "slot is no text"),
        ({"images": {"andon": {"serial": "x" * 65}}}, "serial has more than 64 letters"),
        ({"images": {"andon": {"person": "\ud800"}}}, "person is no text"),
        ({"annotations": {"segmentation": []}}, "annotation 9: it has no mask"),
        ({"annotations": {"category_id": 6}}, "category 6 is not among"),
        ({"annotations": {"segmentation": {"size": [9, 9], "counts": "01"}}}, "another size"),
        (
            {"annotations": {"segmentation": {"size": [SIDE, SIDE], "counts": "01"}}},
            "annotation 9: its run lengths fill 1 pixels",
        ),
        ({"annotations": {"andon": {"confidence": 6}}}, "confidence 6"),
    ],
)
def test_a_picture_that_makes_no_sense_is_told_by_its_name(changes, why):
    _, (broken,) = foreign(**changes)
    assert isinstance(broken, Broken)
    assert broken.name == changes.get("images", {}).get("file_name", "a.png")
    assert why in broken.why


def test_a_broken_picture_stops_no_other():
    said = json.loads(json.dumps(FOREIGN))
    said["images"].insert(0, {"id": 2, "width": 4, "height": 4, "file_name": "gone.png"})
    _, found = read({"a.json": json.dumps(said).encode(), "a.png": PICTURE})
    assert [type(one) for one in found] == [Broken, LabelledPicture]


def test_a_picture_that_is_in_the_zip_twice_comes_in_once():
    said = json.loads(json.dumps(FOREIGN))
    said["images"].append({**said["images"][0], "id": 2})
    _, found = read({"a.json": json.dumps(said).encode(), "a.png": PICTURE})
    assert found[1] == Broken("a.png", "it is in the zip twice")


def test_a_name_that_several_files_have_is_not_guessed():
    data = json.dumps(FOREIGN).encode()
    _, (broken,) = read({"a.json": data, "x/a.png": PICTURE, "y/a.png": PICTURE})
    assert "several files" in broken.why


def test_a_picture_that_is_too_large_is_told():
    _, (broken,) = read({"a.json": json.dumps(FOREIGN).encode(), "a.png": PICTURE}, largest=10)
    assert "more than" in broken.why


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a.png": b"x"}, "no COCO annotations"),
        ({"a.json": b"{"}, "a.json is not JSON"),
        ({"a.json": b"[" * 100_000}, "a.json is not JSON"),
        ({"a.json": b'{"images": 1, "categories": []}'}, "images are no list"),
        ({"a.json": b'{"images": [], "categories": [{"name": "x"}]}'}, "id None is no whole"),
        (
            {"a.json": b'{"images": [{"id": 1}, {"id": 1}], "categories": []}'},
            "two pictures have the id 1",
        ),
        (
            {
                "a.json": b"""{"images": [], "categories": [
                    {"id": 1, "name": "x", "andon": {"colour": "red"}}]}"""
            },
            "colour 'red' is not written as #RRGGBB",
        ),
        (
            {
                "a.json": b"""{"images": [], "categories": [
                    {"id": 1, "name": "x"}, {"id": 1, "name": "y"}]}"""
            },
            "two categories have the id 1",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_told(files, why):
    with pytest.raises(BadCoco, match=why):
        read(files)


def test_splits_stand_in_files_of_their_own():
    files = exported([labelled(seed=n) for n in range(40)], "coco", splitter=Splitter())
    names = {name for name in files if name.startswith("annotations/")}
    assert names == {f"annotations/instances_{split}.json" for split in ("train", "val", "test")}
