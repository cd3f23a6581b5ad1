"""One picture as it came, and what the sender says of it: checked once, whichever door it takes."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qms.inspections.models import EARLIEST, Source
from qms.lifecycle import Refused
from qms.plant.models import Product, Station

LONGEST = {"serial": 64, "lot": 64, "external_id": 128}  # letters
_AHEAD = timedelta(days=1)  # by which a camera's clock may be fast


class BadWords(Refused):
    """What is said of a picture cannot be kept; ``field`` names the word."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Submission:
    product: Product
    picture: bytes
    source: str = Source.API
    name: str = ""
    serial: str = ""
    lot: str = ""
    station: Station | None = None
    captured_at: datetime | None = None
    external_id: str = ""
    is_simulated: bool = False

    @property
    def scope(self) -> str:
        return self.station.code if self.station else ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.picture).hexdigest()

    @property
    def fingerprint(self) -> str:
        said = [self.product.code, self.sha256, self.serial, self.lot, self.scope]
        return hashlib.sha256("\0".join(said).encode()).hexdigest()

    @property
    def fingerprints(self) -> frozenset[str]:
        """Its own, and the one that 0.1.0 would have kept, of product and picture alone."""
        short = hashlib.sha256(f"{self.product.code}|{self.sha256}".encode()).hexdigest()
        return frozenset({self.fingerprint, short})

    def check(self, *, now: datetime) -> None:
        """Raises BadWords for the first word that cannot be kept."""
        for field in ("name", *LONGEST):
            _check_text(field, getattr(self, field))
        if self.captured_at is not None:
            _check_moment(self.captured_at, now)


def shown(path: Path) -> str:
    """A file's name as text: bytes that are no UTF-8 are written as their numbers."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _check_text(field: str, text: str) -> None:
    longest = LONGEST.get(field)
    if longest and len(text) > longest:
        raise BadWords(field, f"{field} has {len(text)} letters: {longest} are the most.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadWords(field, f"{field} holds bytes that are no text: send it as UTF-8.") from None
    if "\0" in text:
        raise BadWords(field, f"{field} holds a NUL character: leave it out.")


def _check_moment(moment: datetime, now: datetime) -> None:
    """Also that of a zone in which it is still, or no longer, a year that can be written."""
    try:
        sound = EARLIEST <= moment.astimezone(UTC) <= now + _AHEAD
    except (OverflowError, ValueError):
        sound = False
    if not sound:
        raise BadWords(
            "captured_at",
            f"captured_at {moment.isoformat()} lies before 1970 or more than a day ahead: "
            "set the clock of the camera, or leave it out.",
        )
