"""Is all well between Andon and Label Studio? Each answer in plain words, with what to do.

Slow: it asks Label Studio, and waits for its ring. Nothing here runs within a transaction.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from labeling.studio import StudioClient, StudioDown, StudioRefused, StudioToken
from qms.labels import desk, push, rounds
from qms.labels.drift import config_drift
from qms.labels.models import LabelTask, Ring, Status, StudioProject

TRIED = "1.23"  # with which all of this was tried
CLOCK_SECONDS = 5
RING_SECONDS = 3.0
_THERE = (Status.OPEN, Status.LABELLED, Status.PULLED, Status.SKIPPED)
_START = "Start it (`make labelstudio`), or set STUDIO_URL to where it runs and start Andon again."
_ANEW = (
    "Make a token in Label Studio under Account & Settings, set STUDIO_TOKEN to it and start Andon "
    "again. One that was started by `make labelstudio` has it already."
)
_SUBNETS = (
    "Let Label Studio ring inside the plant: start it with "
    "LABEL_STUDIO_USE_DEFAULT_BANNED_SUBNETS=false and "
    "LABEL_STUDIO_USER_ADDITIONAL_BANNED_SUBNETS=169.254.0.0/16."
)
_ADDRESS = (
    "Set PUBLIC_URL to an IP address, to localhost or to a name with a dot in it; or set "
    "STUDIO_BELL_URL to such an address, if only Label Studio is to use it."
)
_REACH = (
    "Is Andon's web server up, and does PUBLIC_URL (or STUDIO_BELL_URL) lead to it from Label "
    "Studio's machine?"
)
_PICTURES = (
    "Both must see the same pictures: with STUDIO_FILES=local Label Studio's document root must be "
    "the folder above them (STUDIO_PICTURES as it sees it); with s3 it must reach the bucket."
)
_DRIFT = "Put its labelling screen back as it was, or delete the project there: a new one is made."


@dataclass(frozen=True, kw_only=True)
class Check:
    """``ok`` is None where nothing could be asked yet. ``do`` is empty where all is well."""

    name: str
    ok: bool | None
    says: str
    do: str = ""


def checks() -> list[Check]:
    """One after the other; nothing more is asked where the first answers make it pointless."""
    if not desk.is_there():
        says = "There is no token, so there is no labelling desk; what is wanted waits."
        return [Check(name="Token", ok=False, says=says, do=f"Run `make labelstudio`. Or: {_ANEW}")]
    with desk.line() as studio:
        return list(_all(studio))


def _all(studio: StudioClient) -> Iterator[Check]:
    yield (address := _address(studio))
    if not address.ok:
        return
    yield (token := _asked("Token", _ANEW, lambda: _token(studio)))
    if not token.ok:
        return
    yield _asked("Version", "", lambda: _version(studio))
    yield _asked("Clock", "", lambda: _clock(studio))
    projects = rounds.living()
    for project in projects:
        yield _asked(f"Project {project}", "", partial(_project, studio, project))
    if not projects:
        says = "Nothing has been sent yet: the doorbell and the pictures are tried with the first."
        yield Check(name="Projects", ok=None, says=says)
        return
    yield _asked("Doorbell", _REACH, lambda: _doorbell(studio, projects[0]))
    yield _asked("Pictures", _PICTURES, lambda: _picture(studio))


def _asked(name: str, do: str, ask: Callable[[], Check]) -> Check:
    """What goes wrong on the way is an answer, too."""
    try:
        return ask()
    except StudioToken as refusal:
        return Check(name=name, ok=False, says=str(refusal), do=_ANEW)
    except desk.Trouble as trouble:
        return Check(name=name, ok=False, says=str(trouble), do=do or _START)


def _address(studio: StudioClient) -> Check:
    try:
        studio.clock()
    except StudioToken:
        pass  # it answers; the token is the next question
    except (StudioDown, StudioRefused) as trouble:
        return Check(name="Address", ok=False, says=str(trouble), do=_START)
    return Check(name="Address", ok=True, says=f"Label Studio answers at {studio.url}.")


def _token(studio: StudioClient) -> Check:
    says = f"A {studio.token_kind()} token of {studio.person()}."
    return Check(name="Token", ok=True, says=says)


def _version(studio: StudioClient) -> Check:
    found = studio.version()
    if found.startswith(f"{TRIED}."):
        return Check(name="Version", ok=True, says=f"{found}.")
    says = f"{found}. Andon was tried with {TRIED}."
    return Check(name="Version", ok=False, says=says, do=f"Install {TRIED}, or watch what it does.")


def _clock(studio: StudioClient) -> Check:
    off = studio.clock() - timezone.now()
    seconds = round(off.total_seconds())
    if abs(off) <= timedelta(seconds=CLOCK_SECONDS):
        return Check(name="Clock", ok=True, says="The same time as here.")
    word = "ahead" if seconds > 0 else "behind"
    says = f"Label Studio's clock is {abs(seconds)} seconds {word} of ours."
    return Check(name="Clock", ok=False, says=says, do="Set both machines by the same time server.")


def _project(studio: StudioClient, project: StudioProject) -> Check:
    name, there = f"Project {project}", studio.project(project.studio_id or 0)
    if there is None:
        says = "It was deleted in Label Studio."
        return Check(name=name, ok=False, says=says, do="Nothing: a new one is made by itself.")
    if drift := config_drift(project, there.config):
        return Check(name=name, ok=False, says=" ".join(drift[:-1]), do=_DRIFT)
    says = f"Number {there.id} there, {there.tasks} pictures, its labelling screen as we made it."
    return Check(name=name, ok=True, says=says)


def _doorbell(studio: StudioClient, project: StudioProject) -> Check:
    """Hung, and rung once: only what arrives here is proof."""
    url = push.doorbell_url()
    number, since = project.studio_id or 0, timezone.now()
    try:
        studio.ensure_webhook(number, url=url, secret=settings.STUDIO_SECRET)
    except StudioRefused as refusal:
        do = _SUBNETS if refusal.status == 403 else _ADDRESS
        return Check(name="Doorbell", ok=False, says=f"{url}: {refusal}", do=do)
    studio.touch_project(number, f"Andon tried its doorbell at {since:%Y-%m-%d %H:%M:%S.%f} UTC.")
    if _heard(Ring.objects.filter(studio_project=number, received_at__gte=since).exists):
        return Check(name="Doorbell", ok=True, says=f"Label Studio rings at {url}.")
    says = (
        f"Label Studio was asked to ring at {url}, and no ring came within {RING_SECONDS:g} s. "
        f"What is labelled is read every {settings.STUDIO_ROUND_SECONDS} s all the same."
    )
    return Check(name="Doorbell", ok=False, says=says, do=_REACH)


def _heard(arrived: Callable[[], bool]) -> bool:
    until = time.monotonic() + RING_SECONDS
    while not (heard := arrived()) and time.monotonic() < until:
        time.sleep(0.1)
    return heard


def _picture(studio: StudioClient) -> Check:
    rows = LabelTask.objects.filter(status__in=_THERE, project__gone_at=None)
    task = rows.order_by("-opened_at").first()
    if task is None or task.studio_id is None:
        return Check(name="Pictures", ok=None, says="No picture lies in Label Studio yet.")
    size = len(studio.open_picture(task.studio_id))
    says = f"Label Studio shows the newest one ({size // 1024} kB)."
    return Check(name="Pictures", ok=True, says=says)
