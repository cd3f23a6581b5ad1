"""Is the candidate no worse than the champion, within a margin? One reason a question.

A margin is kept if the one-sided 95 % bound of the difference lies within it, and with at least
LEAST parts of either class. It is broken if the candidate is surely worse, or was seen to be worse
by more than the margin. Of a critical type nothing that the champion catches may be lost, unless an
exact bound shows that the candidate is no worse within the margin; its parts are counted as they
are, because weights would let one audited part outvote thirty that were found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from inference.judgement import Evaluation
from labeling.paired import Comparison, decisions, exact_bound, parts_needed, ranking
from labeling.scorecards import Asked, Said, Scorecard

LEAST = 20  # parts of a class below which nothing is shown of it


class Outcome(StrEnum):
    KEPT = "kept"
    NOT_SHOWN = "not shown"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Margins are how much worse is still no worse, as shares.

    ``false_calls`` is the promise to keep, ``milliseconds`` the budget of the 95th percentile,
    ``auroc`` what no model may fall below, so that many small steps down are not one large
    one. None = not asked.
    """

    critical: Sequence[str] = ()
    ranking: float = 0.02
    decisions: float = 0.05
    of_critical: float = 0.05
    false_calls: float | None = None
    milliseconds: float | None = None
    auroc: float | None = None

    def __post_init__(self) -> None:
        if not all(0 < one < 1 for one in (self.ranking, self.decisions, self.of_critical)):
            raise ValueError("a margin must lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One question and its answer in a sentence. ``about`` tells it apart: "ranking", "escapes",
    "good parts", "critical crack", ...; ``figures`` is None where nothing was compared.
    """

    about: str
    outcome: Outcome
    sentence: str
    figures: Comparison | None = None


def of_ranking(
    golden: Sequence[Asked], champion: Scorecard, candidate: Scorecard, rules: Rules
) -> Reason:
    parts = [_parts([one for one in golden if one.defect is bad]) for bad in (True, False)]
    if min(parts) < 2:
        return Reason(
            about="ranking",
            outcome=Outcome.NOT_SHOWN,
            sentence=f"Ranking cannot be compared: the golden set holds {_classes(parts)}, and "
            f"{LEAST} of each are needed.",
        )
    found = ranking(
        _scores(golden, champion),
        _scores(golden, candidate),
        [one.defect for one in golden],
        [one.part for one in golden],
        [one.weight for one in golden],
    )
    told = (
        f"AUROC {found.candidate:.3f} against the champion's {found.champion:.3f} "
        f"({_bounds(found)}; {found.method}, {_classes(parts)})"
    )
    if rules.auroc is not None and found.candidate < rules.auroc:
        sentence = f"{told}: below {rules.auroc:.3f}, the least that any model must show."
        return Reason(about="ranking", outcome=Outcome.BROKEN, sentence=sentence, figures=found)
    return _within("ranking", told, found, rules.ranking, min(parts))


def of_escapes(
    bad: Sequence[Asked], champion: Scorecard, candidate: Scorecard, margin: float
) -> Reason:
    return _decided(
        "escapes", bad, champion, candidate, margin, caught, "defective parts caught", "defects"
    )


def of_good_parts(
    good: Sequence[Asked], champion: Scorecard, candidate: Scorecard, margin: float
) -> Reason:
    return _decided(
        "good parts", good, champion, candidate, margin, passed, "good parts passed", "good parts"
    )


def caught(said: Said) -> bool:
    """What goes to a person counts as caught."""
    return said.evaluation is not Evaluation.OK


def passed(said: Said) -> bool:
    """What goes to a person was not passed."""
    return said.evaluation is Evaluation.OK


def _decided(
    about: str,
    asked: Sequence[Asked],
    champion: Scorecard,
    candidate: Scorecard,
    margin: float,
    right: Callable[[Said], bool],
    what: str,
    kind: str,
) -> Reason:
    if not asked:
        sentence = f"Nothing is known of {what}: the golden set holds no {kind}."
        return Reason(about=about, outcome=Outcome.NOT_SHOWN, sentence=sentence)
    found = _compared(asked, champion, candidate, right)
    chance = "" if found.p is None else f", McNemar p = {found.p:.2g}"
    told = (
        f"{percent(found.candidate)} of {what} against {percent(found.champion)} ({_bounds(found)}"
        f"{chance}; {counted(found.trials, 'part')}, {found.lost} lost, {found.gained} gained)"
    )
    return _within(about, told, found, margin, found.trials)


def _within(about: str, told: str, found: Comparison, margin: float, parts: int) -> Reason:
    outcome, sentence = Outcome.KEPT, f"{told}: no worse within {percent(margin)}."
    if found.surely_worse or found.difference < -margin:
        surely = "surely worse" if found.surely_worse else f"worse by more than {percent(margin)}"
        outcome, sentence = Outcome.BROKEN, f"{told}: {surely}."
    elif parts < LEAST or not found.no_worse_than(margin):
        outcome = Outcome.NOT_SHOWN
        sentence = (
            f"{told}: that it is no worse within {percent(margin)} is not shown; "
            f"about {_needed(found, margin, parts)} parts of each class would do."
        )
    return Reason(about=about, outcome=outcome, sentence=sentence, figures=found)


def _needed(found: Comparison, margin: float, parts: int) -> int:
    """As the width of an interval falls with the root of the parts; for no true difference."""
    reach = max(found.high - found.low, 0.0) / 2
    return max(LEAST, int(np.ceil(parts * (reach / margin) ** 2)))


def of_critical(
    kind: str, bad: Sequence[Asked], champion: Scorecard, candidate: Scorecard, rules: Rules
) -> Reason:
    about, margin = f"critical {kind}", rules.of_critical
    asked = [one for one in bad if kind in one.types]
    enough = f"{parts_needed(margin)} with nothing lost would show it within {percent(margin)}"
    if not asked:
        sentence = f"The golden set holds no part with {kind}: nothing can be shown; {enough}."
        return Reason(about=about, outcome=Outcome.NOT_SHOWN, sentence=sentence)
    found = _compared(asked, champion, candidate, caught, even=True)
    bound = exact_bound(found.lost, found.gained, found.trials)
    told = (
        f"Of {counted(found.trials, 'part')} with {kind} it lets through {found.lost} that the "
        f"champion catches, and catches {found.gained} that the champion lets through"
    )
    if bound >= -margin:
        outcome, end = Outcome.KEPT, f"no worse within {percent(margin)}"
    elif found.lost == 0:
        outcome, end = Outcome.NOT_SHOWN, f"too few parts to show that it is no worse; {enough}"
    else:
        outcome = Outcome.BROKEN
        end = f"it may be worse by {percent(-bound)}, and no such part may be lost"
    return Reason(about=about, outcome=outcome, sentence=f"{told}: {end}.", figures=found)


def _compared(
    asked: Sequence[Asked],
    champion: Scorecard,
    candidate: Scorecard,
    right: Callable[[Said], bool],
    *,
    even: bool = False,
) -> Comparison:
    return decisions(
        [right(champion.said[one.key]) for one in asked],
        [right(candidate.said[one.key]) for one in asked],
        [one.part for one in asked],
        None if even else [one.weight for one in asked],
    )


def _scores(asked: Sequence[Asked], card: Scorecard) -> list[float]:
    return [card.said[one.key].score for one in asked]


def _parts(asked: Sequence[Asked]) -> int:
    return len({one.part or f"\0{number}" for number, one in enumerate(asked)})


def _classes(parts: Sequence[int]) -> str:
    return f"{counted(parts[0], 'defective part')} and {counted(parts[1], 'good part')}"


def _bounds(found: Comparison) -> str:
    return f"difference {found.low:+.3f} to {found.high:+.3f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"
