"""FitBegun -> fetch the pictures, fit a detector on them, enter it as a candidate."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from qms import storage
from qms.events import catalogue
from qms.inspections import enrolling, judge
from qms.inspections.enrolments import Enrolment, EnrolmentPicture, Stage

log = structlog.get_logger(__name__)

_TELL_EVERY = 1.0  # seconds


class Stopped(Exception):
    """Nobody waits for this fit any more: it was cancelled, or another one has begun."""


@dataclass(frozen=True)
class CouldNot:
    """Why there is no detector, for the person who asked."""

    sentence: str


Outcome = judge.Fitted | CouldNot | None


class Teller:
    """Writes where the fit is, at most once a second, and hears then whether it is cancelled."""

    def __init__(self, event: catalogue.FitBegun) -> None:
        self._fit = event
        self._stage, self._last = "", 0.0

    def tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        moment = time.monotonic()
        if stage == self._stage and moment - self._last < _TELL_EVERY:
            return
        self._stage, self._last = stage, moment
        if not self._is_heard(stage, done, total):
            raise Stopped

    def _is_heard(self, stage: str, done: int, total: int) -> bool:
        """A database that is gone for a moment costs a word, not the hours before it."""
        who, now = (self._fit.enrolment_id, self._fit.run), timezone.now()
        try:
            return enrolling.note_progress(*who, stage=stage, done=done, total=total, now=now)
        except (OperationalError, InterfaceError) as error:
            log.warning("progress not told, going on", error=str(error).strip())
            connection.close_if_unusable_or_obsolete()
            return True

    def steps(self, done: int, total: int) -> None:
        """After the detector's last step come the thresholds and the artefact."""
        self.tell(Stage.LEARNING if done < total else Stage.WRITING, done, total)


def fit_detectors(facts: Sequence[catalogue.FitBegun]) -> list[Outcome | Exception]:
    """Minutes of work; a delivery that comes again begins it anew."""
    return [_fit(fact) for fact in facts]


def _fit(event: catalogue.FitBegun) -> Outcome:
    enrolment = Enrolment.objects.select_related("product").get(pk=event.enrolment_id)
    teller = Teller(event)
    try:
        with _on_disk(enrolment, event.run, teller) as (folder, names):
            return _fitted(enrolment, folder, names, teller)
    except Stopped:
        return None
    except judge.Fault as fault:
        return CouldNot(str(fault))


def _fitted(
    enrolment: Enrolment, folder: Path, names: dict[str, str], teller: Teller
) -> judge.Fitted | CouldNot:
    try:
        return judge.fit(
            folder,
            product=enrolment.product.code,
            detector=enrolment.detector,
            backbone=enrolment.backbone,
            size=enrolment.size,
            promise=enrolment.promise_rate,
            progress=teller.steps,
        )
    except judge.Fault as fault:
        return CouldNot(_in_their_words(str(fault), names))


def _in_their_words(sentence: str, names: dict[str, str]) -> str:
    """The names under which the pictures were dropped, in the place of ours."""
    sentence = sentence[:1].upper() + sentence[1:]
    for path, name in names.items():
        sentence = sentence.replace(path, name)
    return sentence


@contextmanager
def _on_disk(
    enrolment: Enrolment, run: int, teller: Teller
) -> Iterator[tuple[Path, dict[str, str]]]:
    """The pictures as files of a folder, in the order of their rows, and whose file is whose.

    What a worker left behind that was killed is cleared away by the one after it.
    """
    folder = settings.VAR / "fit" / f"{enrolment.pk}-{run}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        rows = list(enrolment.pictures.order_by("id"))
        names = {}
        for number, row in enumerate(rows):
            teller.tell(Stage.FETCHING, number, len(rows))
            names[str(_written(folder, number, row))] = row.name or f"picture {number + 1}"
        yield folder, names
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path, number: int, row: EnrolmentPicture) -> Path:
    path = folder / f"{number:06}{Path(row.key).suffix}"
    try:
        path.write_bytes(storage.read(row.key))
    except FileNotFoundError as error:
        raise judge.Fault(
            f"{row} is not in the file store any more: remove it, drop it again, and fit."
        ) from error
    return path


def finish_fit(event: catalogue.FitBegun, outcome: Outcome) -> None:
    who, now = (event.enrolment_id, event.run), timezone.now()
    if isinstance(outcome, CouldNot):
        enrolling.fail_fit(*who, error=outcome.sentence, now=now)
    elif outcome is not None:
        enrolling.finish_fit(*who, outcome, now=now)


def drop_orphans_of_enrolments(event: catalogue.HourStruck) -> None:
    """Pictures that were stored, but whose row never committed."""
    enrolling.drop_orphans(now=timezone.now())


def note_failed_fit(event: catalogue.DeliveryDied) -> None:
    """A fit that was given up says so on its product's page."""
    if event.name == catalogue.FitBegun.__name__:
        begun = catalogue.FitBegun.from_payload(event.payload)
        error = f"The fit was given up: {event.error} Tell an administrator, then fit again."
        enrolling.fail_fit(begun.enrolment_id, begun.run, error=error, now=timezone.now())
