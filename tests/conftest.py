"""The real Postgres and Redis for every test; ``deliver_all`` plays the worker."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from inference.zoo import detector_class
from qms import embedded
from qms.events import courier
from qms.events.models import unfinished
from tests import factories, s3
from tests.line import Line
from tests.studio import StudioServer

LEASE_SECONDS = 2  # of the house that is shot at
_services = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Once, in the process that leads the others: start what is not running yet."""
    if not hasattr(config, "workerinput") and "DATABASE_URL" not in os.environ:
        django_settings.VAR.mkdir(parents=True, exist_ok=True)
        _services.enter_context(embedded.running(django_settings.VAR))


def pytest_unconfigure() -> None:
    _services.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureDef) -> None:
    """Tests that commit are cleaned by TRUNCATE, which the house refuses outside maintenance."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET andon.maintenance = 'on'")
        cursor.execute("SET andon.maintenance = 'on'")


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path: Path, stub_artefact: Path) -> None:
    """Each test has a file store of its own; artefacts are read from a common folder."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.ARTEFACTS = stub_artefact.parent
    settings.STATIC_ROOT = tmp_path
    settings.STUDIO_TOKEN = ""  # one that runs on this machine is none of theirs
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def stub_artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stub detector (brightness is badness) that is fitted on dark pictures."""
    folder = tmp_path_factory.mktemp("artefacts") / "stub"
    pictures = [factories.decoded(brightness=20 + n % 7, seed=n) for n in range(40)]
    detector_class("stub").fit(pictures).save(folder)
    return folder


@pytest.fixture
def deliver_all(db: None) -> Callable[[], int]:
    """Deliver all that is due, and all that this in turn makes due, in this thread."""

    def play() -> int:
        delivered = 0
        while due := unfinished().filter(due_at__lte=timezone.now()).order_by("id").first():
            delivered += courier.deliver_once(due.handler)
        return delivered

    return play


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A whole house with the stub detector for the product "tile", and a key to send with."""
    with Line.start(tmp_path_factory.mktemp("line"), lease_seconds=LEASE_SECONDS) as line:
        line.enrol_stub()
        yield line


@pytest.fixture(scope="session")
def studio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    """A real Label Studio, started once: whoever asks for it is in the group "studio"."""
    kept = django_settings.VAR / "labelstudio-for-tests"
    with StudioServer.running(tmp_path_factory.mktemp("studio"), kept) as server:
        yield server


@pytest.fixture(scope="session")
def s3_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A real S3 server, as the setting of a file store."""
    with s3.running(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture
def real_desk(settings, studio_server: StudioServer) -> StudioServer:
    """The real Label Studio as this house's desk; it shows the pictures of this house."""
    settings.STUDIO_URL = settings.STUDIO_PUBLIC_URL = studio_server.url
    settings.STUDIO_TOKEN = studio_server.token
    settings.STUDIO_FILES, settings.MEDIA_ROOT = "local", studio_server.files
    return studio_server


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all that needs Label Studio, so that one of them is enough."""
    for item in items:
        if "studio_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("studio"))
