"""A real S3 server for tests, and the settings that make it the file store."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.running.processes import wait_for

KEY, SECRET = "andon-test-access-key", "andon-test-secret-key"  # shorter ones are refused
BUCKET, REGION = "andon", "us-east-1"


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Any]]:
    """As ``settings.STORAGES["default"]``; what is kept there lies in the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rclone = str(Path(sys.executable).with_name("rclone"))
    words = [rclone, "serve", "s3", str(folder), "--addr", address]
    server = subprocess.Popen(
        [*words, "--auth-key", f"{KEY},{SECRET}"], stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        wait_for(lambda: _makes_bucket(f"http://{address}"), what="the S3 server")
        yield _store(f"http://{address}")
    finally:
        server.terminate()
        server.wait()


def _makes_bucket(endpoint: str) -> bool:
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    try:
        boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **keys).create_bucket(
            Bucket=BUCKET
        )
    except (BotoCoreError, ClientError):
        return False
    return True


def _store(endpoint: str) -> dict[str, Any]:
    options = {
        "bucket_name": BUCKET,
        "endpoint_url": endpoint,
        "region_name": REGION,
        "access_key": KEY,
        "secret_key": SECRET,
        "addressing_style": "path",
        "signature_version": "s3v4",
        "file_overwrite": True,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
