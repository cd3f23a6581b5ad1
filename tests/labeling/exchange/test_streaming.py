"""An export is never whole in memory."""

import tracemalloc

import numpy as np
import pytest

from labeling.exchange import export, parcel
from tests.labeling.exchange.pictures import ALL_TRAIN, CATEGORIES, labelled, region

PICTURE = 200_000  # bytes


def passing(count):
    rng = np.random.default_rng(0)
    for number in range(count):
        data = b"\x89PNG" + rng.bytes(PICTURE)
        yield labelled(region(), seed=number, lot=str(number), content=lambda data=data: data)


@pytest.mark.parametrize("to", ["coco", "yolo", "ddqa", "mvtec"])
def test_a_hundred_megabytes_pass_in_a_few(to):
    files = export.files(
        passing(500), to=to, product="tile", categories=CATEGORIES, splitter=ALL_TRAIN, about={}
    )
    tracemalloc.start()
    passed = sum(len(chunk) for chunk in parcel.zipped(files))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert passed > 500 * PICTURE
    assert peak < 12_000_000


def test_the_first_picture_leaves_before_the_second_is_asked_for():
    asked = []

    def entries():
        for number in range(3):
            asked.append(number)
            yield labelled(seed=number)

    files = export.files(
        entries(), to="coco", product="tile", categories=CATEGORIES, splitter=ALL_TRAIN, about={}
    )
    next(parcel.zipped(files))
    assert asked == [0]
