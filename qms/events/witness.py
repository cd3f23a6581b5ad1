"""The head of the chain, kept outside the database: so a cut or rewritten trail shows.

``seals/latest.json`` is written anew while events flow; each hour leaves a file of its own that
nobody overwrites. A new witness is left only beside an old one that the chain still bears out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from qms import storage
from qms.events.models import ChainHead, Event

FOLDER, LATEST = "seals", "seals/latest.json"
# A chain that is older than this and has no witness has lost it.
_FIRST_WITHIN = timedelta(minutes=10)


class TrailBroken(Exception):
    """The chain is not the one that the file store remembers."""


@dataclass(frozen=True)
class Witness:
    """What one file of the file store says of the chain."""

    name: str
    number: int
    digest: str


def leave(*, now: datetime, anew: bool = False) -> None:
    """Write the head to the file store, where the database's owner alone cannot change it.

    Raises TrailBroken, and keeps the old witness, if the chain lacks what that one saw, or if it
    is gone; ``anew`` starts again without one.
    """
    head = ChainHead.objects.filter(pk=1).first()
    if not head or not head.number:
        return
    before = _read(LATEST) if storage.exists(LATEST) else None
    _check(before, now=now, anew=anew)
    said = json.dumps({"number": head.number, "digest": head.digest, "at": now.isoformat()})
    if before is None or before.number < head.number:
        storage.keep(LATEST, said.encode())
    hourly = f"{FOLDER}/{now:%Y/%m/%d/%H}.json"
    if not storage.exists(hourly):  # after the latest, which so is never missing beside it
        storage.keep(hourly, said.encode())


def all_said() -> Iterator[Witness | TrailBroken]:
    """Every witness there is, and what is wrong with those that cannot be read."""
    for name in storage.names_below(FOLDER):
        try:
            yield _read(name)
        except TrailBroken as broken:
            yield broken


def is_missing(*, now: datetime) -> bool:
    """No latest witness beside others, or beside a chain of some age: somebody took it away."""
    if storage.exists(LATEST):
        return False
    first = Event.objects.filter(number=1).values_list("occurred_at", flat=True).first()
    aged = first is not None and first < now - _FIRST_WITHIN
    return aged or bool(storage.names_below(FOLDER))


def _check(before: Witness | None, *, now: datetime, anew: bool) -> None:
    if before is None and is_missing(now=now) and not anew:
        raise TrailBroken(
            f"{LATEST} is gone from the file store: find out why, "
            "then leave a new one with 'manage.py verify_events --new-witness'."
        )
    if before and not _borne_out(before):
        raise TrailBroken(
            f"The database lacks event {before.number} as {LATEST} remembers it: "
            "keep both as they are and ask why."
        )


def _borne_out(said: Witness) -> bool:
    return Event.objects.filter(number=said.number, digest=said.digest).exists()


def _read(name: str) -> Witness:
    try:
        said = json.loads(storage.read(name))
        return Witness(name, int(said["number"]), str(said["digest"]))
    except (ValueError, KeyError, TypeError) as error:
        raise TrailBroken(f"{name} in the file store is no witness any more.") from error
