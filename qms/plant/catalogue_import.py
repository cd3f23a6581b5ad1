"""A whole catalogue at once: what it would change, and all of it or nothing."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from qms.events import catalogue, outbox
from qms.lifecycle import Refused
from qms.plant import actions, changes, questions
from qms.plant.catalogue_file import read
from qms.plant.catalogue_rows import PARENT, WORDS, Problem, Row, path_of, words_of
from qms.plant.changes import ADDED, CHANGED, REMOVED, UNCHANGED, Reference, Who, name_of
from qms.plant.models import DefectType, Line, Product, Site, Station
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
    work = _Import(by=by, now=now, broken=bool(reading.problems))
    work.plan.problems.extend(reading.problems)
    work.store(reading.rows)
    work.plan.outcomes.sort(key=lambda outcome: outcome.line)
    work.plan.problems.sort()
    return work.plan


class _Missing(Refused):
    """What a row is in is neither in the file nor in the house."""


@dataclass
class _Import:
    """Stores rows, what holds others first; a row that is refused does not stop the others."""

    by: Who
    now: datetime
    broken: bool = False  # a line before this one was not understood
    plan: Plan = field(default_factory=Plan)

    def store(self, rows: Sequence[Row]) -> None:
        kinds = list(PARENT)
        ordered = sorted(rows, key=lambda row: (kinds.index(row.kind), row.line))
        for row in (row for row in ordered if row.kind != "question"):
            self._try(row)
        asked = sorted((r for r in ordered if r.kind == "question"), key=lambda r: (r.of, r.line))
        for product, group in groupby(asked, key=lambda row: row.of):
            self._ask(product, list(group))

    def _try(self, row: Row) -> None:
        try:
            present, words = _present(row)
            if isinstance(present, Product):
                change = actions.save_product(present, words, by=self.by, now=self.now)
            else:
                change = changes.save(present, words, by=self.by, now=self.now)
        except _Missing as error:
            if not self.broken:  # else it may be in a line that was not understood
                self.plan.problems.append(Problem(row.line, str(error)))
        except Refused as error:
            self.broken = True
            self.plan.problems.append(Problem(row.line, str(error)))
        else:
            self._note(row, change.what, change.fields)

    def _note(self, row: Row, what: str, fields: dict[str, list[Any]]) -> None:
        """Of a new row its own words are told, without its code and what it is in."""
        told = fields
        if what == ADDED:
            own = {name: fields[name] for name in WORDS[row.kind] if name in fields}
            told = {name: both for name, both in own.items() if both[1] not in ("", None, [])}
        self.plan.outcomes.append(Outcome(row.line, words_of(row.kind), path_of(row), what, told))

    def _ask(self, code: str, rows: Sequence[Row]) -> None:
        """The questions of one product are one set: those of the file take its place."""
        product = Product.objects.filter(code=code).first()
        if product is None:
            if not self.broken:
                self.plan.problems.append(Problem(rows[0].line, _no("product", code)))
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


def _present(row: Row) -> tuple[Reference, dict[str, Any]]:
    """The row as it is in the house, or a new one, and the words to store in it."""
    if row.kind == "site":
        return Site.objects.filter(code=row.code).first() or Site(code=row.code), row.words
    if row.kind == "product":
        return Product.objects.filter(code=row.code).first() or Product(code=row.code), row.words
    if row.kind == "line":
        site = Site.objects.filter(code=row.of).first()
        if site is None:
            raise _Missing(_no("site", row.of))
        line = Line.objects.filter(site=site, code=row.code).first()
        return line or Line(site=site, code=row.code), row.words
    if row.kind == "station":
        return _station(row)
    return _defect_type(row)


def _station(row: Row) -> tuple[Station, dict[str, Any]]:
    site, _, code = row.of.partition("/")
    line = Line.objects.select_related("site").filter(site__code=site, code=code).first()
    if line is None:
        raise _Missing(_no("line", row.of))
    station = Station.objects.filter(code=row.code).first()
    return station or Station(code=row.code), {"line": line, **row.words}


def _defect_type(row: Row) -> tuple[DefectType, dict[str, Any]]:
    """A new one that says nothing of it gets a name, a colour and a shape as the house gives."""
    product = Product.objects.filter(code=row.of).first()
    if product is None:
        raise _Missing(_no("product", row.of))
    known = DefectType.objects.filter(product=product, code=row.code).first()
    if known:
        return known, row.words
    number = DefectType.objects.filter(product=product).count()
    new = DefectType(product=product, code=row.code)
    return new, {"name": actions.readable(row.code), **actions.mark(number), **row.words}


def _no(kind: str, code: str) -> str:
    return f"There is no {kind} {code}: add it to this file, or set it up first."
