"""A stranger's zip."""

import io
import stat
import struct
import zipfile

import pytest

from labeling.exchange.archive import BadArchive, opened
from tests.labeling.exchange.pictures import zip_of


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/passwd", "a/../../b", "C:\\x.png", "a\\b.png", "C:/x.png"]
)
def test_names_that_lead_out_of_the_zip_are_refused(name):
    with pytest.raises(BadArchive, match="names must lie inside"), opened(zip_of({name: b"x"})):
        pass


def test_what_is_no_zip_is_told():
    with pytest.raises(BadArchive, match="not a zip"), opened(io.BytesIO(b"PK but no zip")):
        pass


def test_a_file_that_unpacks_to_much_more_than_it_is_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("bomb.json", b"\0" * 20_000_000)
    with pytest.raises(BadArchive, match="200 times"), opened(out):
        pass


def test_files_that_lie_over_each_other_are_refused():
    """As in a bomb whose entries share one compressed body."""
    out = zip_of({f"{n}.bin": bytes(range(250)) * 4 for n in range(3)})
    data = bytearray(out.getvalue())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<II", data, at + 20, 1200, 1200)
    with pytest.raises(BadArchive, match="over each other"), opened(io.BytesIO(bytes(data))):
        pass


def test_a_size_that_is_a_lie_is_found_when_it_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.bin", bytes(range(256)) * 100)
    data = bytearray(out.getvalue())
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)
    with opened(io.BytesIO(bytes(data))) as archive, pytest.raises(BadArchive, match="damaged"):
        archive.read("a.bin", most=1000)


def test_a_damaged_file_is_told_by_its_name():
    data = bytearray(zip_of({"a.png": b"content content"}).getvalue())
    at = data.find(b"content")
    data[at] ^= 255
    with opened(io.BytesIO(bytes(data))) as archive, pytest.raises(BadArchive, match=r"a\.png is"):
        archive.read("a.png", most=1000)


def test_a_file_that_is_too_large_is_not_read():
    with opened(zip_of({"a.png": b"x" * 3000})) as archive, pytest.raises(BadArchive, match="MB"):
        archive.read("a.png", most=2999)


def test_links_and_encrypted_files_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    with pytest.raises(BadArchive, match="is a link"), opened(out):
        pass
    data = bytearray(zip_of({"a": b"x"}).getvalue())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadArchive, match="encrypted"), opened(io.BytesIO(bytes(data))):
        pass


def test_two_files_of_one_name_are_refused():
    out = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("a", "x")
        zipped.writestr("a", "y")
    with pytest.raises(BadArchive, match="two files"), opened(out):
        pass
