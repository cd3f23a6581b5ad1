"""What happens to a nonconformance: contained, dispositioned, closed, opened again."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from qms.accounts.models import User
from qms.accounts.roles import Role, has_role
from qms.accounts.signatures import Proof, digest, sign
from qms.events import catalogue, outbox
from qms.inspections.models import Evaluation
from qms.lifecycle import Refused
from qms.quality import containment, opening
from qms.quality.models import (
    Contained,
    Covers,
    Disposition,
    Kind,
    Nonconformance,
    Standing,
    Status,
)
from qms.quality.rules import NEEDS_BOARD, against_closing
from qms.review import actions as reviews

_LISTED = (Status.CONTAINED, Status.DISPOSITIONED)


@transaction.atomic
def contain(case: Nonconformance, *, text: str, by: User, now: datetime) -> int:
    """Freeze the list of parts in doubt; later again, for what came since. Returns how many came."""
    hold(case)
    check_live(case)
    if case.status == Status.OPEN and not text.strip():
        raise Refused("Say how the parts are kept apart: where they are, and who saw to it.")
    added = containment.freeze(case, containment.not_listed(case), now=now)
    if case.status == Status.OPEN:
        words = text.strip()
        case.move(Status.CONTAINED, containment=words, contained_at=now, contained_by=by)
        _announce(case, words, parts=added, by=by, now=now)
        return added
    if not added:
        raise Refused("Nothing new is in doubt: the list is complete.")
    why = text.strip() or "the list was brought up to date"
    opening.reopen_list(case, parts=added, reason=why, now=now, actor=str(by))
    return added


@transaction.atomic
def dispose(
    case: Nonconformance,
    kind: str,
    *,
    proof: Proof,
    now: datetime,
    covers: str = Covers.REST,
    line: Contained | None = None,
    ruling: str = "",
) -> Disposition:
    """Say under a signature what is to be done with the parts; the latest word on a part holds.

    ``ruling`` is the board's evaluation of the one part: it stands above all others.
    """
    hold(case)
    lines = _lines(case, covers, line)
    _check_disposition(case, kind, lines, proof.person)
    _check_ruling(ruling, covers, proof.person)
    disposition = Disposition(
        nonconformance=case,
        kind=kind,
        covers=covers,
        inspection_id=line.inspection_id if line else None,
        parts=lines.count(),
        lines_digest=containment.named(lines),
        ruling=ruling,
        by=proof.person,
        at=now,
        reason=proof.reason,
    )
    record = f"{case.number}: {Kind(kind).label}"
    disposition.signature = sign(proof, record=record, content=content_of(disposition), now=now)
    disposition.save(force_insert=True)
    if ruling:
        _rule(case, lines.get(), ruling, proof, now=now)
    lines.update(disposition=disposition)
    _tell(disposition, now=now)
    _settle(case, by=proof.person, now=now)
    return disposition


def content_of(disposition: Disposition) -> dict[str, Any]:
    """What is signed, and can be read again from the row."""
    content = {
        "nonconformance": disposition.nonconformance.number,
        "kind": disposition.kind,
        "covers": disposition.covers,
        "part": disposition.inspection_id,
        "parts": disposition.parts,
        "ruling": disposition.ruling,
        "reason": disposition.reason,
    }
    # Before there was such a digest, the number of parts alone was signed.
    named = disposition.lines_digest
    return {**content, "lines": named} if named else content


def is_as_signed(disposition: Disposition) -> bool:
    return digest(content_of(disposition)) == disposition.signature.digest


@transaction.atomic
def describe(case: Nonconformance, *, root_cause: str, by: User, now: datetime) -> None:
    """Write down why it happened."""
    hold(case)
    check_live(case)
    case.root_cause = root_cause.strip()
    case.save(update_fields=["root_cause"])
    event = catalogue.NonconformanceDescribed(
        nonconformance=case.number, root_cause=case.root_cause
    )
    outbox.publish(event, now=now, actor=str(by))


def missing(case: Nonconformance) -> list[str]:
    """What stands against closing it, in sentences."""
    return against_closing(
        severity=case.severity,
        undecided=containment.undecided(case).count(),
        root_cause=case.root_cause,
        actions=list(case.actions.values_list("status", "check_due")),
    )


@transaction.atomic
def close(case: Nonconformance, *, by: User, now: datetime) -> None:
    hold(case)
    if case.status != Status.DISPOSITIONED:
        raise Refused("Decide first what is done with every part: then it can be closed.")
    if said := missing(case):
        raise Refused(" ".join(said))
    case.move(Status.CLOSED, closed_at=now, closed_by=by)
    _announce(case, "", by=by, now=now)


@transaction.atomic
def withdraw(case: Nonconformance, *, reason: str, by: User, now: datetime) -> None:
    """It was raised in error: nothing was contained yet, or nothing stands behind it any more."""
    hold(case)
    _need(reason)
    if case.status == Status.CONTAINED and not is_baseless(case):
        raise Refused("Parts are contained: decide what is done with them, then close it.")
    nobody = {"containment": "", "contained_at": None, "contained_by": None}
    case.move(Status.WITHDRAWN, closed_at=now, closed_by=by, **nobody)
    _announce(case, reason.strip(), by=by, now=now)


def is_baseless(case: Nonconformance) -> bool:
    """Each answer that it rested on was taken back, and nothing was signed for its parts."""
    rested = set(case.occurrences.values_list("status", flat=True))
    return rested == {Standing.TAKEN_BACK} and not case.dispositions.exists()


@transaction.atomic
def reopen(case: Nonconformance, *, reason: str, by: User, now: datetime) -> None:
    """Back from its end to where it stood before."""
    hold(case)
    _need(reason)
    to = Status.OPEN if case.status == Status.WITHDRAWN else Status.DISPOSITIONED
    if case.is_live:
        raise Refused(f"{case} is not closed: there is nothing to open again.")
    case.move(to, closed_at=None, closed_by=None)
    _announce(case, reason.strip(), by=by, now=now)


def hold(case: Nonconformance) -> None:
    """Read it anew and hold it still to the end of the transaction."""
    Nonconformance.objects.select_for_update().get(pk=case.pk)
    case.refresh_from_db()


def check_live(case: Nonconformance) -> None:
    if not case.is_live:
        raise Refused(f"{case} is {case.get_status_display().lower()}: open it again first.")


def _need(reason: str) -> None:
    if not reason.strip():
        raise Refused("Say why: it is kept with the nonconformance.")


def _lines(case: Nonconformance, covers: str, line: Contained | None) -> QuerySet[Contained]:
    if covers == Covers.ONE:
        return case.lines.filter(pk=line.pk) if line else case.lines.none()
    return case.lines.all() if covers == Covers.ALL else containment.undecided(case)


def _check_disposition(
    case: Nonconformance, kind: str, lines: QuerySet[Contained], by: User
) -> None:
    if case.status not in _LISTED:
        raise Refused("Contain it first: a disposition is of the parts on the containment list.")
    if kind not in Kind.values:
        raise Refused("Choose what is to be done with the parts.")
    if not lines.exists():
        raise Refused("No part is left without a disposition: choose the part to decide anew.")
    if kind in NEEDS_BOARD and not has_role(by, Role.MRB):
        word = Kind(kind).label.lower()
        raise Refused(f"“{word}” is a concession: somebody of the material review board signs it.")


def _check_ruling(ruling: str, covers: str, by: User) -> None:
    if not ruling:
        return
    if not has_role(by, Role.MRB):
        raise Refused("A ruling on the part's evaluation is for the material review board.")
    if ruling not in (Evaluation.OK, Evaluation.NOT_OK) or covers != Covers.ONE:
        raise Refused("A ruling says OK or not OK of one part: choose that part alone.")


def _rule(
    case: Nonconformance, line: Contained, ruling: str, proof: Proof, *, now: datetime
) -> None:
    verdict = line.inspection.verdicts.order_by("-judged_at").first()
    if verdict is None:
        raise Refused("This part has no verdict yet: there is nothing to rule on.")
    reviews.rule(
        verdict,
        decision=ruling,
        by=proof.person,
        now=now,
        defect_type=case.defect_type if ruling == Evaluation.NOT_OK else None,
        note=f"{case.number}: {proof.reason}",
    )


def _tell(disposition: Disposition, *, now: datetime) -> None:
    event = catalogue.PartsDispositioned(
        nonconformance=disposition.nonconformance.number,
        disposition_id=disposition.pk,
        kind=disposition.kind,
        covers=disposition.covers,
        parts=disposition.parts,
        signature_id=disposition.signature_id,
        digest=disposition.signature.digest,
        inspection_id=disposition.inspection_id,
    )
    outbox.publish(event, now=now, actor=str(disposition.by))


def _settle(case: Nonconformance, *, by: User, now: datetime) -> None:
    """Every part decided for good: dispositioned. One of them kept on hold: no longer."""
    undecided = containment.undecided(case).exists()
    if undecided and case.status == Status.DISPOSITIONED:
        case.move(Status.CONTAINED, dispositioned_at=None, dispositioned_by=None)
        _announce(case, "a part is kept on hold", by=by, now=now)
    elif not undecided and case.status == Status.CONTAINED:
        case.move(Status.DISPOSITIONED, dispositioned_at=now, dispositioned_by=by)
        _announce(case, "", by=by, now=now)


def _announce(
    case: Nonconformance, reason: str, *, by: User, now: datetime, parts: int = 0
) -> None:
    event = catalogue.NonconformanceMoved(
        nonconformance=case.number, status=case.status, parts=parts, reason=reason
    )
    outbox.publish(event, now=now, actor=str(by))
