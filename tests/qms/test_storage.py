"""Where pictures lie: the same calls on a local disk and on a real S3 server."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from qms import storage
from qms.inspections.models import Inspection
from tests import factories
from tests.running.processes import wait_for

KEY, SECRET = "andon-test-access-key", "andon-test-secret-key"  # shorter ones are refused


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("s3")
    rclone = str(Path(sys.executable).with_name("rclone"))
    words = [rclone, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*words, "--auth-key", f"{KEY},{SECRET}"], stderr=subprocess.DEVNULL, cwd=folder
    )
    options = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "access_key": KEY,
        "secret_key": SECRET,
        "region_name": "us-east-1",
    }
    client = boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    wait_for(lambda: _makes_bucket(client), what="the S3 server")
    yield options
    server.terminate()
    server.wait()


def _makes_bucket(client) -> bool:
    try:
        client.create_bucket(Bucket="andon")
    except (BotoCoreError, ClientError):
        return False
    return True


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, settings) -> str:
    if request.param == "s3":
        options = {
            "bucket_name": "andon",
            "addressing_style": "path",
            "signature_version": "s3v4",
            "file_overwrite": True,
            **request.getfixturevalue("s3"),
        }
        backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": backend}
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
