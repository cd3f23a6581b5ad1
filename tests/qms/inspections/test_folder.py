"""A folder as a camera."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from django.utils import timezone

from qms.inspections.folder import WatchedFolder
from qms.inspections.models import Inspection
from qms.plant import actions as plant
from qms.plant.models import Station
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


def settled(path: Path) -> Path:
    """Written a minute ago, so that nobody is still at it."""
    for one in (path, path.with_suffix(".json")):
        if one.exists():
            os.utime(one, (time.time() - 60, time.time() - 60))
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
    path = settled(land(folder, data=data))
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
    again = WatchedFolder(folder.folder, folder.product, serial_pattern=folder.serial_pattern)
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
    settled(path)
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


def test_pictures_wait_while_the_station_is_paused(folder):
    camera = WatchedFolder(folder.folder, folder.product, plant.ensure_station("CAM-1"))
    elsewhere = Station.objects.get(code="CAM-1")
    plant.move_station(elsewhere, "PAUSED", by="mara", now=timezone.now())
    path = land(camera)
    assert [camera.look(), camera.look()] == [0, 0]
    assert path.exists()
    plant.move_station(elsewhere, "RUNNING", by="mara", now=timezone.now())
    assert camera.look() == 1
    assert Inspection.objects.get().station == elsewhere


# --- what must not stop it ---


def watch(folder: WatchedFolder, looks: int = 2) -> None:
    for _ in range(looks):
        folder.look()


def why(folder: WatchedFolder, path: Path) -> str:
    return (folder.folder / "failed" / f"{path.name}.txt").read_text()


def with_sidecar(folder: WatchedFolder, **said: object) -> Path:
    path = land(folder)
    path.with_suffix(".json").write_text(json.dumps(said))
    return settled(path)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"captured_at": "9999-12-31T23:59:59-12:00"}, "no time with a zone"),
        ({"captured_at": "2999-01-01T00:00:00Z"}, "more than a day ahead"),
        ({"serial": "x" * 100}, "serial has 100 letters"),
        ({"lot": "a\0b"}, "lot holds a NUL"),
        ({"external_id": "x" * 200}, "external_id has 200 letters"),
    ],
)
def test_a_word_that_cannot_be_kept_fails_its_picture_alone(folder, said, says):
    path = with_sidecar(folder, **said)
    good = land(folder, "good.png", picture(seed=4))
    watch(folder)
    assert says in why(folder, path)
    assert Inspection.objects.get().picture_name == good.name


def test_a_name_that_is_no_text_is_taken_in_under_a_readable_one(folder):
    raw = os.path.join(os.fsencode(folder.folder), b"part-\xff.png")  # noqa: PTH118 - bytes
    with open(raw, "wb") as file:  # noqa: PTH123 - bytes
        file.write(picture())
    watch(folder)
    assert Inspection.objects.get().picture_name == "part-\\xff.png"


def test_a_file_that_vanishes_between_two_looks_is_no_matter(folder):
    path = land(folder)
    folder.look()
    path.unlink()
    assert folder.look() == 0
    assert folder._take(path) is False


def test_a_file_that_cannot_be_read_is_put_aside(folder):
    path = land(folder)
    path.with_suffix(".json").mkdir()  # a folder is no sidecar
    link = folder.folder / "loop.png"
    link.symlink_to(link)
    watch(folder)
    assert Inspection.objects.count() == 1
    assert not path.exists()


def test_a_full_store_leaves_the_files_where_they_are(folder, settings):
    path = land(folder)
    settings.MEDIA_ROOT.write_text("in the way")
    watch(folder)
    assert path.exists()
    settings.MEDIA_ROOT.unlink()
    watch(folder, 1)
    assert not path.exists()


def test_a_file_where_the_folder_should_be_leaves_the_picture(folder):
    (folder.folder / "failed").write_text("not a folder")
    path = settled(land(folder, data=b"words"))
    watch(folder, 3)
    assert path.exists()


def test_a_damaged_file_gets_ten_seconds_to_become_whole(folder):
    path = land(folder, data=picture()[:100])
    watch(folder, 4)
    assert path.exists()
    path.write_bytes(picture())
    watch(folder)
    assert Inspection.objects.count() == 1


def test_an_earlier_sidecar_is_never_overwritten(folder):
    done = folder.folder / "done"
    done.mkdir()
    (done / "part-sn17.json").write_text("of an earlier picture")
    path = land(folder)
    path.with_suffix(".json").write_text('{"serial": "A1"}')
    watch(folder)
    assert (done / "part-sn17.json").read_text() == "of an earlier picture"
    assert json.loads((done / "part-sn17-2.json").read_text()) == {"serial": "A1"}


def test_a_pattern_whose_group_is_not_in_the_name_finds_nothing(folder):
    folder.serial_pattern = re.compile(r"part|sn(\d+)")
    land(folder)
    watch(folder)
    assert Inspection.objects.get().serial == ""
