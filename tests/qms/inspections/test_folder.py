"""A folder as a camera."""

import json
import os
import re
from pathlib import Path

import pytest

from qms.inspections.folder import WatchedFolder
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.registry.models import ModelVersion
from tests import factories
from tests.factories import picture


@pytest.fixture
def folder(db, tmp_path) -> WatchedFolder:
    place = tmp_path / "camera"
    place.mkdir()
    tile = factories.product()
    factories.model(tile)
    return WatchedFolder(place, tile, serial_pattern=re.compile(r"sn(\d+)"))


def land(folder: WatchedFolder, name: str = "part-sn17.png", data: bytes | None = None) -> Path:
    path = folder.folder / name
    path.write_bytes(picture() if data is None else data)
    return path


def test_a_picture_at_rest_is_taken_in_and_moved(folder):
    path = land(folder)
    assert folder.look() == 0
    assert folder.look() == 1
    assert not path.exists()
    assert (folder.folder / "done" / path.name).read_bytes() == picture()
    row = Inspection.objects.get()
    assert (row.source, row.serial, row.picture_name) == ("folder", "17", path.name)


def test_a_picture_that_still_grows_is_left_alone(folder):
    path = land(folder, data=picture()[:100])
    for size in (200, 300):
        assert folder.look() == 0
        path.write_bytes(picture()[:size])
    path.write_bytes(picture())
    assert [folder.look(), folder.look()] == [0, 1]
    assert Inspection.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"words", picture()[:-30]])
def test_a_bad_picture_moves_to_failed_with_the_reason_beside_it(folder, data):
    path = land(folder, data=data)
    folder.look(), folder.look()
    assert (folder.folder / "failed" / path.name).read_bytes() == data
    assert (folder.folder / "failed" / f"{path.name}.txt").read_text().strip().endswith(".")
    assert not Inspection.objects.exists()


def test_a_file_that_was_taken_in_but_not_moved_is_not_taken_in_twice(folder):
    path = land(folder)
    stat = path.stat()
    folder.look(), folder.look()
    (folder.folder / "done" / path.name).rename(path)  # as if the power had failed before the move
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    again = WatchedFolder(folder.folder, folder.product)
    again.look(), again.look()
    assert Inspection.objects.count() == 1
    assert not path.exists()


def test_a_later_picture_of_the_same_name_is_another_one(folder):
    for second in (1, 2):
        path = land(folder)
        os.utime(path, (second * 1000, second * 1000))
        folder.look(), folder.look()
    assert Inspection.objects.count() == 2
    names = sorted(p.name for p in (folder.folder / "done").iterdir())
    assert names == ["part-sn17-2.png", "part-sn17.png"]


def test_a_sidecar_tells_serial_lot_and_time(folder):
    path = land(folder)
    said = {"serial": "A9", "lot": "L1", "captured_at": "2026-01-31T08:00:00Z"}
    path.with_suffix(".json").write_text(json.dumps(said))
    folder.look(), folder.look()
    row = Inspection.objects.get()
    assert (row.serial, str(row.lot)) == ("A9", "L1")
    assert row.captured_at.isoformat() == "2026-01-31T08:00:00+00:00"
    assert (folder.folder / "done" / "part-sn17.json").exists()


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"colour": "red"}', '{"captured_at": "noon"}', '{"captured_at": 5}']
)
def test_a_sidecar_that_cannot_be_used_fails_the_picture(folder, said):
    path = land(folder)
    path.with_suffix(".json").write_text(said)
    folder.look(), folder.look()
    assert (folder.folder / "failed" / path.name).exists()
    assert not Inspection.objects.exists()


def test_without_an_active_model_the_picture_fails_with_the_reason(folder):
    ModelVersion.objects.update(status="RETIRED")
    path = land(folder)
    folder.look(), folder.look()
    reason = (folder.folder / "failed" / f"{path.name}.txt").read_text()
    assert "no active model" in reason


def test_hidden_and_half_written_names_are_left_alone(folder):
    for name in (".part.png", "part.png.tmp", "part.part", "alone.json"):
        land(folder, name)
    assert [folder.look(), folder.look()] == [0, 0]


def test_two_cameras_may_use_the_same_names(folder):
    land(folder)
    folder.look(), folder.look()
    other = WatchedFolder(folder.folder, folder.product, plant.ensure_station("CAM-2"))
    (folder.folder / "done" / "part-sn17.png").rename(folder.folder / "part-sn17.png")
    other.look(), other.look()
    assert Inspection.objects.count() == 2
