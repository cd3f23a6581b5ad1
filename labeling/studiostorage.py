"""Where the pictures of a project lie, in Label Studio's words."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LocalStorage:
    """A folder below Label Studio's document root, as Label Studio sees it."""

    folder: str


@dataclass(frozen=True, kw_only=True)
class S3Storage:
    """A bucket as Label Studio reaches it. Browsers never do: Label Studio carries the pictures."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def fields_of(storage: LocalStorage | S3Storage) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Its kind, its fields, and those that make it the same storage."""
    if isinstance(storage, LocalStorage):
        return "localfiles", {"path": storage.folder, "use_blob_urls": True}, ("path",)
    wanted = {
        "bucket": storage.bucket,
        "prefix": storage.prefix,
        "s3_endpoint": storage.endpoint,
        "region_name": storage.region,
        "aws_access_key_id": storage.access_key,
        "aws_secret_access_key": storage.secret_key,
        "use_blob_urls": True,
        "presign": False,  # the browser needs no way to the store
    }
    return "s3", wanted, ("bucket", "prefix")
