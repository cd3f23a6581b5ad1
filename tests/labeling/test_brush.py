"""Our run lengths are the SDK's, byte for byte, and hold any mask exactly."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from label_studio_sdk.converter.brush import decode_rle, encode_rle, mask2rle

from labeling import brush
from labeling.brush import BadMask
from labeling.words import Mask
from tests.labeling.desk import submitted

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))
LONG = np.zeros((300, 300), np.bool_)
LONG[3:200] = True  # runs of more than 65,536 bytes


def decoded(rle: list[int], mask: Mask) -> Mask:
    return brush.decode(rle, width=mask.shape[1], height=mask.shape[0])


@given(masks)
@example(LONG)
@example(~LONG)
@example(np.zeros((128, 128), np.bool_))  # exactly 65,536 bytes
@example(np.ones((1, 1), np.bool_))
@settings(deadline=None)
def test_a_mask_comes_back_as_it_went(mask: Mask) -> None:
    assert np.array_equal(decoded(brush.encode(mask), mask), mask)


@given(masks)
@example(LONG)
@example(np.zeros((128, 128), np.bool_))
@settings(deadline=None)
def test_the_bytes_are_those_of_the_sdk(mask: Mask) -> None:
    assert brush.encode(mask) == mask2rle(mask.astype(np.uint8) * 255)


@given(masks)
@settings(deadline=None)
def test_the_sdk_reads_what_we_write(mask: Mask) -> None:
    pixels = decode_rle(brush.encode(mask)).reshape(*mask.shape, 4)
    assert np.array_equal(pixels, np.repeat(mask[:, :, None] * 255, 4, axis=2))


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)))
@settings(deadline=None)
def test_we_read_what_the_sdk_writes_of_any_opacity(alpha: np.ndarray) -> None:
    rle = encode_rle(np.repeat(alpha.ravel(), 4))
    height, width = alpha.shape
    assert np.array_equal(brush.opacity(rle, width=width, height=height), alpha)
    assert np.array_equal(brush.decode(rle, width=width, height=height), alpha > 127)


def packed(pixels: np.ndarray, sizes: tuple[int, ...] = (3, 4, 8, 16)) -> list[int]:
    """As an encoder would that repeats nothing: tokens of many words, four at a time."""
    values = [int(value) for value in pixels.ravel()]
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    for at in range(0, len(values), 4):
        some = values[at : at + 4]
        bits += "000" + f"{len(some) - 1:0{sizes[0]}b}" + "".join(f"{value:08b}" for value in some)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(4))),
    st.tuples(*[st.integers(2, 16)] * 4),
)
@settings(deadline=None)
def test_words_that_are_not_repeated_are_read_as_well(
    pixels: np.ndarray, sizes: tuple[int, ...]
) -> None:
    height, width = pixels.shape[:2]
    read = brush.opacity(packed(pixels, sizes), width=width, height=height)
    assert np.array_equal(read, pixels[:, :, 3])


def test_a_stroke_of_the_editor_has_soft_edges_and_is_cut_at_the_middle() -> None:
    drawn = next(r for r in submitted("corrected")["result"] if r["origin"] == "manual")
    alpha = brush.opacity(drawn["value"]["rle"], width=640, height=480)
    mask = brush.decode(drawn["value"]["rle"], width=640, height=480)
    assert len(np.unique(alpha)) > 20
    assert np.count_nonzero(alpha) > np.count_nonzero(mask) > 3000


@pytest.mark.parametrize(
    ("rle", "why"),
    [
        ("abc", "list of numbers, not str"),
        (None, "not NoneType"),
        ({"0": 1}, "not dict"),
        ([1, 2.5], "whole numbers from 0 to 255"),
        ([256], "whole numbers from 0 to 255"),
        ([-1], "whole numbers from 0 to 255"),
        (["1"], "whole numbers from 0 to 255"),
        ([], "break off in their header"),
        ([0, 0, 0, 4], "break off in their header"),
        ([1] * 200, "no run lengths of a brush"),
        (brush.encode(np.ones((4, 5), np.bool_)), "are of 20 pixels, the picture of 4 x 4 has 16"),
        (brush.encode(np.eye(4, dtype=np.bool_))[:-3], "break off after"),
    ],
)
def test_what_is_no_mask_is_refused_with_a_sentence(rle: object, why: str) -> None:
    with pytest.raises(BadMask, match=why):
        brush.decode(rle, width=4, height=4)  # type: ignore[arg-type]


def test_a_run_beyond_the_last_pixel_is_refused() -> None:
    rle = brush.encode(np.ones((4, 4), np.bool_))
    rle[3] = 60  # bytes, in the header
    with pytest.raises(BadMask, match="more pixels than their header says"):
        brush.decode(rle, width=5, height=3)


@given(st.lists(st.integers(0, 255), max_size=60), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_a_mask_or_refused(rle: list[int], headed: bool) -> None:
    head = brush.encode(np.ones((4, 4), np.bool_))[:7] if headed else []
    try:
        assert brush.decode(head + rle, width=4, height=4).shape == (4, 4)
    except BadMask as error:
        assert str(error).endswith(".")


def test_five_megapixels_take_little_memory() -> None:
    """Bounded by the picture, not by how torn the mask is."""
    x, y = np.meshgrid(np.arange(2448), np.arange(2048))
    mask = (x // 8 + y // 8) % 2 == 0
    rle = brush.encode(mask)
    tracemalloc.start()
    assert np.array_equal(brush.decode(rle, width=2448, height=2048), mask)
    assert brush.encode(mask) == rle
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20
