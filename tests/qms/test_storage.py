"""Where pictures lie: the same calls on a local disk and on a real S3 server."""

from pathlib import Path

import pytest

from qms import storage
from qms.inspections.models import Inspection
from tests import factories


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, settings) -> str:
    if request.param == "s3":
        settings.STORAGES = {**settings.STORAGES, "default": request.getfixturevalue("s3_store")}
    return str(request.param)


def test_what_is_kept_is_read_back_listed_and_dropped(store):
    storage.keep("pictures/2026/01/31/a.png", b"one")
    storage.keep("pictures/2026/01/31/a.png", b"two")
    storage.keep("pictures/2026/01/31/b.png", b"three")
    assert storage.read("pictures/2026/01/31/a.png") == b"two"
    assert storage.names("pictures/2026/01/31") == ["a.png", "b.png"]
    storage.drop("pictures/2026/01/31/a.png")
    storage.drop("pictures/2026/01/31/a.png")
    assert storage.names("pictures/2026/01/31") == ["b.png"]


def test_what_is_missing_is_not_found(store):
    with pytest.raises(FileNotFoundError):
        storage.read("pictures/none.png")
    assert storage.names("pictures/1970/01/01") == []


def test_a_picture_is_taken_in_and_judged(store, db, deliver_all):
    inspection = factories.submission(brightness=factories.DEFECT)
    deliver_all()
    assert Inspection.objects.get().evaluation == "NOT_OK"
    assert storage.read(inspection.picture_key)
    assert storage.read(inspection.verdicts.get().heatmap_key).startswith(b"\x89PNG")


def test_a_write_that_fails_leaves_nothing(settings, tmp_path: Path):
    (settings.MEDIA_ROOT / "pictures").mkdir(parents=True)
    (settings.MEDIA_ROOT / "pictures" / "a.png").mkdir()  # a name that cannot be replaced
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        storage.keep("pictures/a.png", b"x")
    assert [path.name for path in (settings.MEDIA_ROOT / "pictures").iterdir()] == ["a.png"]
