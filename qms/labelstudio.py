"""Label Studio out of pip, in an environment of its own: the real one, for one machine.

Its pins clash with ours, so nothing of it is imported here. All it has lies in ``var/labelstudio``:
take that folder away, and the next start makes a new one with a new token.
"""

import http
import http.client
import os
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from qms import env
from qms.service_user import Unusable
from qms.supervisor import Program, Supervisor

PORT = 8080
PERSON = "andon@localhost"
ROOT = Path(__file__).resolve().parent.parent
_UP = b'"UP"'

# Ours, which it would take for its own: it looks for NAME where no LABEL_STUDIO_NAME is set.
_CLASHING = {"ALLOWED_HOSTS": "*", "CSRF_TRUSTED_ORIGINS": "", "DEBUG": "false"}

# Nothing is asked of the internet, and nothing told to it.
_QUIET = {
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
}

# It must reach our doorbell and our S3 on this machine or in the plant, but never the addresses
# where clouds tell machines their secrets.
_CLOSED = {
    "DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "USE_DEFAULT_BANNED_SUBNETS": "false",
    "USER_ADDITIONAL_BANNED_SUBNETS": "169.254.0.0/16",
}

_MEND = """
from organizations.models import Organization
from rest_framework.authtoken.models import Token
from users.models import User
import os
word = os.environ["LABEL_STUDIO_USERNAME"]
user = User.objects.filter(email=word).first()
user = user or User.objects.create_user(email=word, password=os.environ["LABEL_STUDIO_PASSWORD"])
house = Organization.objects.first() or Organization.create_organization(created_by=user)
house.add_user(user)
User.objects.filter(pk=user.pk).update(active_organization=house)
house.jwt.legacy_api_tokens_enabled = True
house.jwt.save()
Token.objects.filter(user=user).delete()
Token.objects.create(user=user, key=os.environ["LABEL_STUDIO_USER_TOKEN"])
"""


@dataclass(frozen=True)
class Desk:
    """One Label Studio on this machine: where its data lies, and what it may show of ours.

    ``pictures`` is its document root; only folders below that are made a storage can be read.
    """

    var: Path
    pictures: Path
    port: int = PORT

    @property
    def folder(self) -> Path:
        return self.var.resolve() / "labelstudio"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """A legacy token, which needs no person to be made: 40 letters."""
        return env.kept(self.folder / "token", bytes_of_chance=30)

    @property
    def password(self) -> str:
        return env.kept(self.folder / "sign-in", bytes_of_chance=12)

    @property
    def is_new(self) -> bool:
        return not (self.folder / "data" / "label_studio.sqlite3").exists()

    def program(self) -> Program:
        words = f"start --no-browser --internal-host 127.0.0.1 --port {self.port}"
        return Program(
            name="label-studio",
            argv=(*command(), *words.split()),
            ready=self.answers,
            prepare=self.prepare,
            env=self.environment(),
            cwd=self.folder,
            nice=5,
            start_seconds=300,  # the first time it makes its tables, on a slow disk
        )

    def prepare(self) -> None:
        """Where it is to be found is kept, for those who start without it."""
        if not executable().exists():
            raise Unusable("Label Studio is not installed: run `make labelstudio-install`.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        (self.pictures / "pictures").mkdir(parents=True, exist_ok=True)
        (self.folder / "url").write_text(self.url)
        self.token, self.password  # noqa: B018 - made now, so that all who start later know them

    def environment(self) -> dict[str, str]:
        ours = {
            "BASE_DATA_DIR": str(self.folder / "data"),
            "HOST": self.url,
            "USERNAME": PERSON,
            "PASSWORD": self.password,
            "USER_TOKEN": self.token,
            "ENABLE_LEGACY_API_TOKEN": "true",
            "LOCAL_FILES_SERVING_ENABLED": "true",
            "LOCAL_FILES_DOCUMENT_ROOT": str(self.pictures.resolve()),
        }
        settings = {**_CLASHING, **_QUIET, **_CLOSED, **ours}
        return {
            **{f"LABEL_STUDIO_{name}": value for name, value in settings.items()},
            "SECRET_KEY": env.kept(self.folder / "secret-key"),  # signs its tokens
            "DJANGO_SETTINGS_MODULE": "label_studio.core.settings.label_studio",
            "PYTHONPATH": "",
            "PYTHONUNBUFFERED": "1",
            "LOG_LEVEL": "WARNING",
        }

    def answers(self) -> bool:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
                line.request("GET", "/health")
                return _UP in line.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False

    def knows_us(self) -> bool:
        """Whether our token opens it."""
        header = {"Authorization": f"Token {self.token}"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("GET", "/api/current-user/whoami", headers=header)
            return line.getresponse().status == http.HTTPStatus.OK

    def mend(self) -> None:
        """Give the one person our token: of an older data folder it keeps its own otherwise."""
        done = subprocess.run(
            [*command(), "shell"],
            input=_MEND,
            env={**os.environ, **self.environment()},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or "Traceback" in done.stdout + done.stderr:
            said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            raise Unusable(f"Label Studio could not be given a token: {said}")


def start(desk: Desk, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Until it answers and takes our token."""
    if desk.is_new:
        say("label-studio makes its tables: this takes about a minute, the first time only")
    supervisor.start([desk.program()])
    if not desk.knows_us():
        say("label-studio is given our token again")
        desk.mend()
    if not desk.knows_us():
        raise Unusable(f"Label Studio at {desk.url} does not take the token in {desk.folder}.")


def executable() -> Path:
    place = env.text("LABELSTUDIO_VENV", str(ROOT / ".venv-labelstudio"))
    return Path(place).absolute() / "bin" / "label-studio"


def command() -> tuple[str, ...]:
    """By its Python, so that an environment that was moved still works."""
    return (str(executable().with_name("python")), "-m", "label_studio.server")


def known_url(var: Path) -> str:
    """Of the Label Studio that was last started here; empty if none ever was."""
    return _kept(var, "url")


def known_token(var: Path) -> str:
    return _kept(var, "token")


def _kept(var: Path, name: str) -> str:
    try:
        return (var / "labelstudio" / name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
