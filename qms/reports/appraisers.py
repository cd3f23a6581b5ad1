"""People and the model as appraisers of the same parts. Pure: no database, no clock.

The truth of a part is what a second opinion or the board said of it; else what most of at least
three people said; else the answer that holds. Nobody is measured against a truth that is his own
word alone. "Not decidable" sends a part on to somebody else: it accepts nothing, so it never misses
a defect, and it is a false alarm at a good part.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qms.reports import agreement
from qms.reports.rates import Estimate

OK, BAD = "OK", "NOT_OK"
PANEL = 3  # people, from whom on most of them are right
ABOVE = 2  # the rank from which on a look settles what others said


@dataclass(frozen=True, kw_only=True)
class Look:
    """One decided look. ``model`` is what the model said, empty if it was not the one that judges
    now; ``rank`` is of a binding look, else 0."""

    part: UUID
    person: str
    said: str
    at: datetime
    model: str = ""
    rank: int = 0
    holds: bool = False
    trial: int | None = None


@dataclass(frozen=True)
class Truth:
    said: str
    by: str | None  # the one person whose word it is; None: several agreed


@dataclass(frozen=True, kw_only=True)
class Appraiser:
    """The figures of one person, or of the model (an empty name)."""

    name: str
    parts: int
    kappa: Estimate
    misses: Estimate
    false_alarms: Estimate
    repeatability: Estimate | None = None
    with_model: Estimate | None = None


@dataclass(frozen=True)
class Panel:
    """So many people saw each of these parts."""

    people: int
    kappa: Estimate


@dataclass(frozen=True, kw_only=True)
class Agreement:
    parts: int
    looks: int
    model: Appraiser
    people: Sequence[Appraiser]
    panels: Sequence[Panel]


def agree(
    counted: Sequence[Look], *, beside: Sequence[Look] = (), again: Sequence[Look] | None = None
) -> Agreement:
    """All figures of the looks that count.

    ``beside`` are other looks at the same parts, which may tell the truth; ``again`` those among
    which a person's answers are compared with his own (none named: the looks that count).
    """
    parts = _by_part(counted)
    settled = [look for look in beside if look.rank >= ABOVE]
    to_people = _truths(parts, _by_part(beside))
    to_model = _truths(parts, _by_part(settled))
    first = first_answers(counted)
    said_by_model = {part: looks[0].model for part, looks in parts.items() if looks[0].model}
    names = sorted({look.person for look in counted})
    own = repeated(counted if again is None else again)
    return Agreement(
        parts=len(parts),
        looks=len(counted),
        model=_appraiser("", said_by_model, to_model),
        people=[_person(name, first, to_people, said_by_model, own) for name in names],
        panels=_panels(first),
    )


def truth_of(looks: Sequence[Look]) -> Truth:
    """Of one part, from all that was said of it."""
    if above := [look for look in looks if look.rank >= ABOVE]:
        last = max(above, key=lambda look: (look.rank, look.at))
        return Truth(last.said, last.person)
    votes = Counter(first_answers(looks).values())
    word, most = votes.most_common(1)[0]
    if votes.total() >= PANEL and 2 * most > votes.total():
        return Truth(word, None)
    holding = [look for look in looks if look.holds]
    chosen = holding[0] if holding else min(looks, key=lambda look: look.at)
    return Truth(chosen.said, chosen.person)


def first_answers(looks: Iterable[Look]) -> dict[tuple[UUID, str], str]:
    """What each person said of each part when they first saw it."""
    answers: dict[tuple[UUID, str], str] = {}
    for look in sorted(looks, key=lambda look: look.at):
        answers.setdefault((look.part, look.person), look.said)
    return answers


def repeated(looks: Iterable[Look]) -> dict[str, list[list[str]]]:
    """Of each person, all answers to each part, in the order in which they were given."""
    answers: dict[tuple[str, UUID], list[str]] = defaultdict(list)
    for look in sorted(looks, key=lambda look: look.at):
        answers[look.person, look.part].append(look.said)
    found: dict[str, list[list[str]]] = defaultdict(list)
    for (person, _), said in answers.items():
        found[person].append(said)
    return found


def _by_part(looks: Iterable[Look]) -> dict[UUID, list[Look]]:
    found: dict[UUID, list[Look]] = defaultdict(list)
    for look in looks:
        found[look.part].append(look)
    return dict(found)


def _truths(
    parts: Mapping[UUID, Sequence[Look]], beside: Mapping[UUID, Sequence[Look]]
) -> dict[UUID, Truth]:
    return {part: truth_of([*looks, *beside.get(part, ())]) for part, looks in parts.items()}


def _person(
    name: str,
    first: Mapping[tuple[UUID, str], str],
    truths: Mapping[UUID, Truth],
    model: Mapping[UUID, str],
    again: Mapping[str, Sequence[Sequence[str]]],
) -> Appraiser:
    said = {part: answer for (part, person), answer in first.items() if person == name}
    by_others = {part: truth for part, truth in truths.items() if truth.by != name}
    found = _appraiser(name, said, by_others)
    pairs = [(answer, model[part]) for part, answer in said.items() if part in model]
    return Appraiser(
        name=name,
        parts=len(said),
        kappa=found.kappa,
        misses=found.misses,
        false_alarms=found.false_alarms,
        repeatability=agreement.repeatability(again.get(name, ())),
        with_model=agreement.cohen(pairs),
    )


def _appraiser(name: str, said: Mapping[UUID, str], truths: Mapping[UUID, Truth]) -> Appraiser:
    pairs = [(answer, truths[part].said) for part, answer in said.items() if part in truths]
    strict = [(OK if answer == OK else BAD, true) for answer, true in pairs if true in (OK, BAD)]
    return Appraiser(
        name=name,
        parts=len(said),
        kappa=agreement.cohen(pairs),
        misses=agreement.misses(strict, BAD),
        false_alarms=agreement.false_alarms(strict, BAD),
    )


def _panels(first: Mapping[tuple[UUID, str], str]) -> list[Panel]:
    """Fleiss' kappa asks that each part had as many answers, so parts are grouped by that."""
    answers: dict[UUID, Counter[str]] = defaultdict(Counter)
    for (part, _), said in first.items():
        answers[part][said] += 1
    sizes: dict[int, list[Counter[str]]] = defaultdict(list)
    for found in answers.values():
        sizes[found.total()].append(found)
    return [Panel(n, agreement.fleiss(sizes[n])) for n in sorted(sizes, reverse=True) if n > 1]
