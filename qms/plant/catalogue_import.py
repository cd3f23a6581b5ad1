"""A whole catalogue at once: what it would change, and all of it or nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from qms.events import catalogue, outbox
from qms.lifecycle import Refused
from qms.plant import actions, changes, questions
from qms.plant.catalogue_file import read
from qms.plant.catalogue_present import Missing, Present
from qms.plant.catalogue_rows import PARENT, WORDS, Problem, Row, path_of, words_of
from qms.plant.changes import ADDED, CHANGED, REMOVED, UNCHANGED, Change, Reference, Who, name_of
from qms.plant.models import Product
from qms.plant.questions import Question

_ONE_AT_A_TIME = 7_262_411  # the advisory lock of whoever imports


@dataclass(frozen=True)
class Outcome:
    """What becomes of one row of the file."""

    line: int
    kind: str
    code: str
    what: str
    fields: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Each word of the file with what it was and what it becomes, as people read it."""
        return [
            (name, _said(before), _said(after)) for name, (before, after) in self.fields.items()
        ]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value if value is not None else "")


@dataclass
class Plan:
    """What a file does, or would do. With a problem it does nothing."""

    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def count(self, what: str) -> int:
        return sum(outcome.what == what for outcome in self.outcomes)

    @property
    def added(self) -> int:
        return self.count(ADDED)

    @property
    def changed(self) -> int:
        return self.count(CHANGED)

    @property
    def unchanged(self) -> int:
        return self.count(UNCHANGED)

    @property
    def digest(self) -> str:
        """Names the plan, so that what a person agreed to is what is done."""
        said = [[o.line, o.kind, o.code, o.what, o.fields] for o in self.outcomes]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def dry_run(name: str, data: bytes, *, by: Who, now: datetime) -> Plan:
    """What the import would do: it is done, looked at, and taken back."""
    with transaction.atomic():
        plan = _done(name, data, by=by, now=now)
        transaction.set_rollback(True)
    return plan


@transaction.atomic
def bring_in(name: str, data: bytes, *, by: Who, now: datetime, agreed: str | None = None) -> Plan:
    """Do it, all or nothing; ``agreed`` is the digest of the plan that a person looked at."""
    plan = _done(name, data, by=by, now=now)
    if plan.problems:
        first, more = plan.problems[0], len(plan.problems) - 1
        others = f" {more} more problem{'s' if more > 1 else ''}." if more else ""
        raise Refused(f"Line {first.line}: {first.sentence}{others} Nothing was stored.")
    if agreed is not None and agreed != plan.digest:
        raise Refused(
            "The plant was changed since you looked, so the file would do something else now. "
            "Nothing was stored: look at it again."
        )
    if plan.added or plan.changed:
        event = catalogue.CatalogueImported(
            name=name[:255],
            sha256=hashlib.sha256(data).hexdigest(),
            added=plan.added,
            changed=plan.changed,
            unchanged=plan.unchanged,
        )
        outbox.publish(event, now=now, actor=name_of(by))
    return plan


def _done(name: str, data: bytes, *, by: Who, now: datetime) -> Plan:
    """With a problem in the file the other rows are tried as well, to tell of all at once."""
    reading = read(name, data)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
    work = _Import(by=by, now=now)
    work.plan.problems.extend(reading.problems)
    work.store(reading.rows)
    work.plan.outcomes.sort(key=lambda outcome: outcome.line)
    work.plan.problems.sort()
    return work.plan


@dataclass
class _Import:
    """Stores rows, what holds others first; a row that is refused does not stop the others."""

    by: Who
    now: datetime
    plan: Plan = field(default_factory=Plan)
    refused: set[tuple[str, str]] = field(default_factory=set)  # kinds and paths
    present: Present = field(default_factory=Present)

    def store(self, rows: Sequence[Row]) -> None:
        kinds = list(PARENT)
        ordered = sorted(rows, key=lambda row: (kinds.index(row.kind), row.line))
        for row in (row for row in ordered if row.kind != "question"):
            self._try(row)
        asked = sorted((r for r in ordered if r.kind == "question"), key=lambda r: (r.of, r.line))
        for _, group in groupby(asked, key=lambda row: row.of):
            self._ask(list(group))

    def _try(self, row: Row) -> None:
        try:
            found, words = self.present.find(row)
            change = self._stored(found, words)
        except Missing as error:
            self._tell_missing(row, str(error))
        except Refused as error:
            self.refused.add((row.kind, path_of(row)))
            self.plan.problems.append(Problem(row.line, str(error)))
        else:
            self.present.keep(row, found)
            self._note(row, change.what, change.fields)

    def _stored(self, found: Reference, words: Mapping[str, Any]) -> Change:
        if found.pk and all(getattr(found, name) == value for name, value in words.items()):
            return Change(UNCHANGED, {})  # which costs a large file nothing
        if isinstance(found, Product):
            return actions.save_product(found, words, by=self.by, now=self.now)
        return changes.save(found, words, by=self.by, now=self.now)

    def _tell_missing(self, row: Row, sentence: str) -> None:
        """Once for all that it leads to: what is in it would be told of as missing, too."""
        if (PARENT[row.kind], row.of) not in self.refused:
            self.plan.problems.append(Problem(row.line, sentence))
        self.refused.add((row.kind, path_of(row)))

    def _note(self, row: Row, what: str, fields: dict[str, list[Any]]) -> None:
        """Of a new row its own words are told, without its code and what it is in."""
        told = fields
        if what == ADDED:
            own = {name: fields[name] for name in WORDS[row.kind] if name in fields}
            told = {name: both for name, both in own.items() if both[1] not in ("", None, [])}
        self.plan.outcomes.append(Outcome(row.line, words_of(row.kind), path_of(row), what, told))

    def _ask(self, rows: Sequence[Row]) -> None:
        """The questions of one product are one set: those of the file take its place."""
        try:
            product = self.present.holder(rows[0])
        except Missing as error:
            self._tell_missing(rows[0], str(error))
            return
        present = questions.current(product)
        known: dict[str, Question] = {q["slot"]: q for q in present.questions} if present else {}
        asked: list[Question] = []
        for row in rows:
            try:
                asked.append(self._question(row, known.get(row.code)))
            except Refused as error:
                self.plan.problems.append(Problem(row.line, str(error)))
        if len(asked) == len(rows) and asked != list(known.values()):
            self._tell_rest(product, list(known), [q["slot"] for q in asked], rows[0].line)
            self._publish(product, asked, rows[0].line)

    def _tell_rest(self, product: Product, were: list[str], are: list[str], line: int) -> None:
        """What no row of the file says by itself: questions that are gone, another order."""
        for slot in (slot for slot in were if slot not in are):
            gone = Outcome(line, "question", f"{product}/{slot}", REMOVED)
            self.plan.outcomes.append(gone)
        kept = [slot for slot in were if slot in are]
        if kept != [slot for slot in are if slot in were]:
            order = {"order": [", ".join(were), ", ".join(are)]}
            moved = Outcome(line, "questions", str(product), CHANGED, order)
            self.plan.outcomes.append(moved)

    def _question(self, row: Row, known: Question | None) -> Question:
        bare: Question = {"slot": row.code, "text": "", "choices": []}
        before = known or bare
        asked = questions.check({**before, **row.words})  # type: ignore[typeddict-item]
        was, now = dict(known or {}), dict(asked)
        fields = {
            name: [was.get(name), now[name]]
            for name in ("text", "choices")
            if was.get(name) != now[name]
        }
        self._note(row, ADDED if known is None else CHANGED if fields else UNCHANGED, fields)
        return asked

    def _publish(self, product: Product, asked: Sequence[Question], line: int) -> None:
        try:
            questions.publish(product, asked, by=self.by, now=self.now)
        except Refused as error:
            self.plan.problems.append(Problem(line, str(error)))
