import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from inference.images import (
    MAX_PIXELS,
    BadPicture,
    decode,
    encode_upright,
    inspect_header,
)
from inference.pixels import upright
from tests.inference.pictures import encoded, noise, real

FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF"]
SAMPLE = Image.fromarray(noise(1))


def note() -> PngInfo:
    found = PngInfo()
    found.add_text("Comment", "secret")
    return found


def turned() -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = 6
    return found


def refusal(data: bytes, **options) -> str:
    with pytest.raises(BadPicture) as header:
        inspect_header(data, **options)
    with pytest.raises(BadPicture):
        decode(data, **options)
    return str(header.value)


@pytest.mark.parametrize("format", FORMATS)
def test_every_allowed_format_is_read(format):
    data = encoded(SAMPLE, format)
    facts = inspect_header(data)
    assert (facts.format, facts.width, facts.height) == (format, 96, 64)
    seen = decode(data)
    assert seen.pixels.shape == (64, 96, 3) and seen.pixels.dtype == np.uint8
    assert seen.facts == facts


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_pixels_come_through_unchanged(format):
    assert np.array_equal(decode(encoded(SAMPLE, format)).pixels, noise(1))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_set_upright(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(SAMPLE, format, exif=exif)
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    seen = decode(data)
    assert np.array_equal(seen.pixels, expected)
    facts = inspect_header(data)
    assert (facts.width, facts.height) == (seen.width, seen.height)


@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 5))
def test_upright_keeps_every_pixel(orientation, height, width):
    pixels = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    turned = upright(pixels, orientation)
    assert sorted(turned.ravel()) == sorted(pixels.ravel())
    assert turned.shape[:2] == ((height, width) if orientation < 5 else (width, height))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_a_mode_is_read_as_a_viewer_shows_it(mode):
    format = "TIFF" if mode in ("CMYK", "YCbCr", "LAB") else "PNG"
    stored = Image.fromarray(np.full((32, 48, 3), (200, 100, 50), np.uint8)).convert(mode)
    expected = np.asarray(stored.convert("RGB"))
    assert np.abs(decode(encoded(stored, format)).pixels.astype(int) - expected).max() <= 2


def test_a_cmyk_jpeg_is_not_inverted():
    orange = Image.fromarray(np.full((32, 48, 3), (220, 120, 30), np.uint8)).convert("CMYK")
    mean = decode(encoded(orange, "JPEG", quality=95)).pixels.mean(axis=(0, 1))
    assert np.abs(mean - np.array([220, 120, 30])).max() < 6


def test_transparency_lies_on_white():
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    half = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert (decode(encoded(clear, "PNG")).pixels == 255).all()
    assert (decode(encoded(half, "PNG")).pixels == 127).all()


def test_a_transparent_palette_colour_lies_on_white():
    palette = Image.new("P", (32, 32), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((5, 5), 1)
    seen = decode(encoded(palette, "PNG", transparency=0)).pixels
    assert (seen[0, 0] == 255).all()
    assert seen[5, 5].tolist() == [40, 50, 60]


RAMP = np.array([0, 1, 128, 129, 257, 4095, 32768, 65535], np.uint16)


@pytest.mark.parametrize(("format", "kind"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bit_grey_is_scaled_by_257_whatever_the_picture_holds(format, kind):
    values = np.resize(RAMP, (16, 16))
    image = Image.fromarray(values.astype(kind))
    seen = decode(encoded(image, format)).pixels[:, :, 0]
    assert np.array_equal(seen, (values.astype(int) + 128) // 257)


def test_twelve_bits_in_sixteen_stay_dark():
    seen = decode(encoded(Image.fromarray(np.full((16, 16), 4095, np.uint16)), "PNG"))
    assert (seen.pixels == 16).all()


def test_sixteen_bit_colour_is_read():
    data = sixteen_bit_rgb_png(value=0x8000)
    assert np.abs(decode(data).pixels.astype(int) - 128).max() <= 1


def sixteen_bit_rgb_png(value: int, side: int = 16) -> bytes:
    """By hand, because Pillow writes no such file."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">H", value) * 3 * side
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_float_grey_from_0_to_1_is_black_to_white():
    image = Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16))
    assert np.array_equal(decode(encoded(image, "TIFF")).pixels[:, :, 0].ravel(), np.arange(256))


@pytest.mark.parametrize("value", [-0.5, 1.5, np.nan, np.inf])
def test_float_grey_of_unknown_scale_is_refused(value):
    data = encoded(Image.fromarray(np.full((16, 16), value, np.float32)), "TIFF")
    with pytest.raises(BadPicture, match="outside 0 to 1: save it as 8-bit RGB"):
        decode(data)


def test_32_bit_grey_beyond_16_bits_is_refused():
    data = encoded(Image.fromarray(np.full((16, 16), 70000, np.int32)), "TIFF")
    with pytest.raises(BadPicture, match="outside 0 to 65535"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b'<?xml version="1.0"?><svg/>', "an XML document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html></html>", "an HTML page"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"GIF89a" + bytes(40), "a GIF animation"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (b"just some words", "not a picture that can be read"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data, says):
    message = refusal(data)
    assert says in message
    assert message.endswith("send a JPEG, PNG, WEBP, BMP or TIFF file.")


def test_a_file_too_large_in_bytes_is_refused():
    data = encoded(SAMPLE, "PNG")
    assert "larger than 100 bytes" in refusal(data, max_bytes=100)
    assert "larger than 2 MiB" in refusal(bytes(3 << 20), max_bytes=2 << 20)
    inspect_header(data, max_bytes=len(data))


@pytest.mark.parametrize(
    "size", [(MAX_PIXELS // 5000 + 1, 5000), (10_000, 10_000), (30_000, 30_000)]
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size):
    assert "more than 40 megapixels" in refusal(encoded(Image.new("1", size), "PNG"))


@pytest.mark.parametrize("size", [(15, 100), (100, 15), (1, 1)])
def test_a_picture_smaller_than_16_pixels_is_refused(size):
    assert "at least 16" in refusal(encoded(Image.new("RGB", size), "PNG"))
    inspect_header(encoded(Image.new("RGB", (16, 16)), "PNG"))


@pytest.mark.parametrize("format", ["TIFF", "WEBP", "PNG"])
def test_several_pictures_in_one_file_are_refused(format):
    other = Image.fromarray(noise(2))
    data = encoded(SAMPLE, format, save_all=True, append_images=[other])
    assert "holds 2 pictures" in refusal(data)


VARIANTS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]


@pytest.mark.parametrize(("format", "options"), VARIANTS)
@pytest.mark.parametrize("left", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_cut_off_file_is_refused(format, options, left):
    data = encoded(Image.fromarray(noise(3, 200, 300)), format, **options)
    message = refusal(data[: int(left * len(data))])
    assert "damaged or cut off" in message or "not a picture" in message


def test_a_jpeg_that_lacks_only_its_last_hundred_bytes_is_refused():
    data = encoded(Image.fromarray(noise(3, 200, 300)), "JPEG")
    assert "damaged or cut off" in refusal(data[:-100])


def test_a_png_with_one_flipped_bit_is_refused():
    data = bytearray(encoded(SAMPLE, "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadPicture, match="damaged or cut off"):
        inspect_header(bytes(data))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=20),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_broken_bytes_give_a_picture_or_a_sentence_and_nothing_else(format, edits):
    data = bytearray(encoded(Image.fromarray(noise(4, 24, 24)), format))
    for place, value in edits:
        data[place % len(data)] = value
    for look in (inspect_header, decode):
        try:
            look(bytes(data))
        except BadPicture as refused:
            assert str(refused).endswith((".", "file")) and "\n" not in str(refused)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    refusal(data)


@pytest.mark.parametrize(("format", "content"), [("JPEG", "image/jpeg"), ("TIFF", "image/png")])
def test_the_canonical_picture_is_upright_and_carries_no_metadata(format, content):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    seen = decode(encoded(SAMPLE, format, exif=exif))
    data, kind = encode_upright(seen)
    assert kind == content and b"a camera" not in data
    again = decode(data)
    assert again.pixels.shape == seen.pixels.shape
    difference = np.abs(again.pixels.astype(int) - seen.pixels)
    assert difference.max() == 0 if content == "image/png" else difference.mean() < 5
    assert not Image.open(BytesIO(data)).getexif()


def test_a_jpeg_comment_does_not_survive():
    seen = decode(encoded(SAMPLE, "JPEG", comment=b"secret"))
    assert b"secret" not in encode_upright(seen)[0]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plain_png_is_kept_as_it_was_compressed_but_for_its_metadata(mode):
    data = encoded(SAMPLE.convert(mode), "PNG", dpi=(300, 300), compress_level=9)
    kept, kind = encode_upright(decode(data), data)
    assert kind == "image/png" and b"pHYs" in data and b"pHYs" not in kept
    assert len(data) - len(kept) == 12 + 9, "nothing but that chunk has gone"
    assert (decode(kept).pixels == decode(data).pixels).all()


@pytest.mark.parametrize(
    "data",
    [
        encoded(SAMPLE, "PNG", pnginfo=note()),
        encoded(SAMPLE.convert("RGBA"), "PNG"),
        encoded(SAMPLE.convert("P"), "PNG"),
        encoded(SAMPLE, "PNG", transparency=(1, 2, 3)),
        encoded(SAMPLE, "PNG", exif=turned()),
        encoded(SAMPLE.convert("I;16"), "PNG"),
    ],
    ids=["text", "alpha", "palette", "transparent colour", "orientation", "16 bits"],
)
def test_a_png_that_needs_more_than_its_pixels_is_encoded_anew(data):
    seen = decode(data)
    kept, _ = encode_upright(seen, data)
    shown = Image.open(BytesIO(kept))
    assert b"secret" not in kept and shown.mode == "RGB" and not shown.info
    assert (np.asarray(shown) == seen.pixels).all()


def test_what_follows_the_end_of_a_png_is_not_kept():
    data = encoded(SAMPLE, "PNG")
    assert encode_upright(decode(data), data + b"secret") == (data, "image/png")


@pytest.mark.real
@pytest.mark.parametrize("name", ["mtd", "mvtec_screw", "mvtec_hazelnut_small", "neu_det"])
def test_real_pictures_are_accepted_with_the_same_facts_twice(name):
    paths = sorted(path for path in real(name).rglob("*") if path.suffix in (".jpg", ".png"))
    for path in paths[:: max(1, len(paths) // 10)]:
        data = path.read_bytes()
        assert inspect_header(data) == decode(data).facts
