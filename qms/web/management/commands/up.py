"""All of Andon on one machine, in one command: services, tables, sign-in, workers, web, demo."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import BaseCommand, call_command
from django.db import OperationalError, connections
from django.utils import timezone

from qms import embedded, env
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
            supervisor = Supervisor(var / "log", self._say)
            supervisor.obey_signals()
            try:
                self._start(supervisor, var)
                supervisor.watch()
            except KeyboardInterrupt:
                self._say("Stopping")
            finally:
                supervisor.stop()

    def _start(self, supervisor: Supervisor, var: Path) -> None:
        supervisor.start(programs.services(var))
        call_command("migrate", interactive=False, verbosity=0)
        ensure_all(now=timezone.now())
        _collect_static_files()
        password = env.kept(var / "sign-in", bytes_of_chance=9)
        accounts.ensure_first_person(username=FIRST_PERSON, password=password)
        wants_demo = settings.DEMO and not Product.objects.exists()
        connections.close_all()  # the children open their own
        supervisor.start(programs.everyday(var))
        if wants_demo and supervisor.run_once(programs.manage(var, "demo")):
            self._say("The demo could not be set up; everything else runs.")
        self._welcome(var, password)

    def _welcome(self, var: Path, password: str) -> None:
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        self._say(f"\n  Andon      http://{host}:{settings.PORT}/")
        self._say(
            f"  Sign in    {FIRST_PERSON}  {password}   (as first set; kept in {var}/sign-in)"
        )
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
