"""May this candidate be offered? The champion and the candidate on the same golden set.

Each question has one of three answers: KEPT, it is shown; NOT_SHOWN, nothing speaks against it but
there are too few parts to show it; BROKEN. A candidate is offered if nothing is BROKEN; what is
NOT_SHOWN are reservations, which whoever signs must have read. Else the champion stays.

A picture stands for 1 / chance, uncut: people saw all that the champion flagged and little of what
it passed, and unweighted its false calls would count too much against it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.binomial import interval
from inference.judgement import Evaluation
from inference.thresholds import part_numbers
from labeling.margins import (
    Outcome,
    Reason,
    Rules,
    counted,
    of_critical,
    of_escapes,
    of_good_parts,
    of_ranking,
    percent,
)
from labeling.paired import CONFIDENCE
from labeling.scorecards import Asked, Scorecard, refuse_unlike
from labeling.weighing import effective_size


@dataclass(frozen=True, kw_only=True)
class Gate:
    reasons: Sequence[Reason]

    @property
    def offered(self) -> bool:
        """Nothing is broken; a person may promote it. Otherwise the champion stays."""
        return not self._of(Outcome.BROKEN)

    @property
    def faults(self) -> list[str]:
        return self._of(Outcome.BROKEN)

    @property
    def reservations(self) -> list[str]:
        """What could not be shown: to be read by whoever signs."""
        return self._of(Outcome.NOT_SHOWN)

    @property
    def sentence(self) -> str:
        if not self.offered:
            return f"The champion stays: {counted(len(self.faults), 'reason')} against it."
        if self.reservations:
            kept = counted(len(self.reservations), "reservation")
            return f"The candidate may be offered, with {kept} to be signed for."
        return "The candidate may be offered: all that was asked is shown."

    def as_json(self) -> dict[str, Any]:
        return {"offered": self.offered, "reasons": [asdict(reason) for reason in self.reasons]}

    def _of(self, outcome: Outcome) -> list[str]:
        return [reason.sentence for reason in self.reasons if reason.outcome is outcome]


def judge(golden: Sequence[Asked], champion: Scorecard, candidate: Scorecard, rules: Rules) -> Gate:
    """All reasons for and against; BadScorecards unless both judged exactly these pictures."""
    refuse_unlike(golden, champion, candidate)
    bad, good = [one for one in golden if one.defect], [one for one in golden if not one.defect]
    reasons = [
        of_ranking(golden, champion, candidate, rules),
        of_escapes(bad, champion, candidate, rules.decisions),
        of_good_parts(good, champion, candidate, rules.decisions),
        *(of_critical(kind, bad, champion, candidate, rules) for kind in rules.critical),
        *_promise(good, candidate, rules.false_calls),
        *_latency(candidate, rules.milliseconds),
        _loading(candidate),
        _unseen(golden, champion, candidate),
    ]
    return Gate(reasons=tuple(reasons))


def _promise(good: Sequence[Asked], candidate: Scorecard, rate: float | None) -> list[Reason]:
    """Calibration proves it; the golden set may only contradict it."""
    if rate is None:
        return []
    promised = f"False calls are promised to be at most {percent(rate)}"
    if candidate.proven is None:
        own = Outcome.NOT_SHOWN, "the candidate's calibration proves no rate"
    elif candidate.proven <= rate:
        own = Outcome.KEPT, f"the candidate's calibration proves {percent(candidate.proven)}"
    else:
        own = (
            Outcome.BROKEN,
            f"the candidate's calibration proves {percent(candidate.proven)} only",
        )
    calibrated = Reason(about="promise", outcome=own[0], sentence=f"{promised}; {own[1]}.")
    return [calibrated, *_seen_calls(good, candidate, rate, promised)]


def _seen_calls(
    good: Sequence[Asked], candidate: Scorecard, rate: float, promised: str
) -> list[Reason]:
    if not good:
        return []
    parts = part_numbers([one.part for one in good], len(good))
    weight = np.bincount(parts, [one.weight for one in good]) / np.bincount(parts)
    bad = [candidate.said[one.key].evaluation is Evaluation.NOT_OK for one in good]
    wrong = np.bincount(parts, bad) > 0
    size = max(1, int(effective_size(weight.tolist()) + 1e-9))
    share = float(weight[wrong].sum() / weight.sum())
    low, _ = interval(share * size, size, 2 * CONFIDENCE - 1)
    outcome = Outcome.BROKEN if low > rate else Outcome.KEPT
    word = "contradicts" if outcome is Outcome.BROKEN else "does not contradict"
    return [
        Reason(
            about="promise on the golden set",
            outcome=outcome,
            sentence=f"{promised}; it calls {percent(share)} of {counted(len(weight), 'good part')} "
            f"of the golden set bad, which {word} that.",
        )
    ]


def _latency(candidate: Scorecard, budget: float | None) -> list[Reason]:
    if budget is None:
        return []
    slow = float(np.percentile([one.milliseconds for one in candidate.said.values()], 95))
    outcome = Outcome.KEPT if slow <= budget else Outcome.BROKEN
    word = "within" if outcome is Outcome.KEPT else "above"
    sentence = (
        f"It judges 95 % of the pictures in {slow:.0f} ms, {word} the budget of {budget:g} ms."
    )
    return [Reason(about="latency", outcome=outcome, sentence=sentence)]


def _loading(candidate: Scorecard) -> Reason:
    outcome = Outcome.KEPT if candidate.loads else Outcome.BROKEN
    return Reason(about="artefact", outcome=outcome, sentence=candidate.told)


def _unseen(golden: Sequence[Asked], champion: Scorecard, candidate: Scorecard) -> Reason:
    held = {one.sha256 for one in golden}
    spoilt, before = held & set(candidate.learnt), held & set(champion.learnt)
    if spoilt:
        sentence = (
            f"It has learnt from {counted(len(spoilt), 'golden picture')}, {min(spoilt)} for "
            "instance: nothing measured on them counts."
        )
        return Reason(about="golden set", outcome=Outcome.BROKEN, sentence=sentence)
    sentence = f"It has learnt from none of the {len(held)} golden pictures."
    if before:
        sentence += f" The champion has from {len(before)}: it looks better than it is."
    return Reason(about="golden set", outcome=Outcome.KEPT, sentence=sentence)
