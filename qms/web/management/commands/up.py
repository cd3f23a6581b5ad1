"""All of Andon on one machine, in one command: services, tables, sign-in, workers, web, demo."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import BaseCommand, call_command
from django.db import OperationalError, connections
from django.utils import timezone

from qms import embedded, env, labelstudio
from qms.accounts import actions as accounts
from qms.partitions import ensure_all
from qms.plant.models import Product
from qms.supervisor import StartFailed, Supervisor
from qms.web import preflight, programs

FIRST_PERSON = "admin"


class Command(BaseCommand):
    help = "Start everything that one machine needs, and keep it running until Ctrl-C."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            self._run(settings.VAR)
        except (preflight.NotReady, embedded.Unusable, StartFailed) as refusal:
            self._give_up(str(refusal))
        except OperationalError as error:
            self._give_up(f"The database does not answer: {' '.join(str(error).split())}")

    def _run(self, var: Path) -> None:
        preflight.writable(var)
        preflight.enough_disk(var, megabytes=settings.MIN_FREE_MB)
        with preflight.alone(var):
            preflight.free_port(settings.HOST, settings.PORT)
            with self._desk(var) as desk:
                self._serve(var, desk)

    @contextmanager
    def _desk(self, var: Path) -> Iterator[labelstudio.Desk | None]:
        """Ours to run, if we are asked to run one."""
        if not settings.LABELSTUDIO:
            yield None
            return
        if env.text("STUDIO_URL"):
            raise preflight.NotReady(
                "LABELSTUDIO=1 starts a Label Studio here, and STUDIO_URL names another: "
                "leave one of them out."
            )
        with preflight.own_desk(desk := programs.label_studio(var)):
            yield desk

    def _serve(self, var: Path, desk: labelstudio.Desk | None) -> None:
        supervisor = Supervisor(var / "log", self._say)
        supervisor.obey_signals()
        try:
            self._start(supervisor, var, desk)
            supervisor.watch()
        except KeyboardInterrupt:
            self._say("Stopping")
        finally:
            supervisor.stop()

    def _start(self, supervisor: Supervisor, var: Path, desk: labelstudio.Desk | None) -> None:
        supervisor.start(programs.services(var))
        call_command("migrate", interactive=False, verbosity=0)
        ensure_all(now=timezone.now())
        _collect_static_files()
        password = env.kept(var / "sign-in", bytes_of_chance=9)
        accounts.ensure_first_person(username=FIRST_PERSON, password=password)
        wants_demo = settings.DEMO and not Product.objects.exists()
        connections.close_all()  # the children open their own
        if desk:
            desk.prepare()  # the others read its address and token when they start
        supervisor.start(programs.everyday(var))
        if desk:
            labelstudio.start(desk, supervisor, self._say)
        if wants_demo and supervisor.run_once(programs.manage(var, "demo")):
            self._say("The demo could not be set up; everything else runs.")
        self._welcome(var, password, desk)

    def _welcome(self, var: Path, password: str, desk: labelstudio.Desk | None) -> None:
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        self._say(f"\n  Andon      http://{host}:{settings.PORT}/")
        self._say(
            f"  Sign in    {FIRST_PERSON}  {password}   (as first set; kept in {var}/sign-in)"
        )
        if desk:
            self._say(f"  Labelling  {desk.url}/  {labelstudio.PERSON}  {desk.password}")
        self._say(f"  Logs       {var}/log")
        self._say("  Stop       Ctrl-C\n")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # a closed terminal must not end the house
            self.stdout.write(line)
            self.stdout.flush()

    def _give_up(self, sentence: str) -> None:
        self.stderr.write(sentence)
        raise SystemExit(1)


def _collect_static_files() -> None:
    """Only where they are served under hashed names, and only when one is newer than the list."""
    if not isinstance(staticfiles_storage, ManifestFilesMixin):
        return
    manifest = Path(settings.STATIC_ROOT) / staticfiles_storage.manifest_name
    collected = manifest.stat().st_mtime if manifest.exists() else 0.0
    files = (
        Path(storage.path(name)) for one in get_finders() for name, storage in one.list(["CVS"])
    )
    if any(file.stat().st_mtime > collected for file in files):
        call_command("collectstatic", interactive=False, verbosity=0)
