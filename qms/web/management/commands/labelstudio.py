"""Label Studio alone, for an Andon that runs already or elsewhere on this machine."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from qms import labelstudio
from qms.service_user import Unusable
from qms.supervisor import StartFailed, Supervisor
from qms.web import preflight, programs


class Command(BaseCommand):
    help = "Start Label Studio on this machine, connected to Andon, and keep it until Ctrl-C."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            preflight.writable(settings.VAR)
            desk = programs.label_studio(settings.VAR)
            with preflight.own_desk(desk):
                self._run(desk)
        except (preflight.NotReady, Unusable, StartFailed) as refusal:
            self.stderr.write(str(refusal))
            raise SystemExit(1) from None

    def _run(self, desk: labelstudio.Desk) -> None:
        supervisor = Supervisor(desk.var / "log", self._say)
        supervisor.obey_signals()
        try:
            labelstudio.start(desk, supervisor, self._say)
            self._welcome(desk)
            supervisor.watch()
        except KeyboardInterrupt:
            self._say("Stopping")
        finally:
            supervisor.stop()

    def _welcome(self, desk: labelstudio.Desk) -> None:
        self._say(f"\n  Label Studio  {desk.url}/")
        self._say(f"  Sign in       {labelstudio.PERSON}  {desk.password}   (as first set)")
        self._say("  Connected     Andon finds it at its next start; `manage.py labelstudio_check`")
        self._say("  Stop          Ctrl-C\n")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # a closed terminal must not end it
            self.stdout.write(line)
            self.stdout.flush()
