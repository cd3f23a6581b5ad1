"""What a number of independent parts proves about a rate, in words; and the refusal to say more.

A threshold is chosen from the same scores that it is judged by. What holds then is the law of an
order statistic: the share of all parts beyond the (k + 1)-th oddest of n has the law
Beta(k + 1, n - k) (Wilks 1941), whose 95 % quantile is the one-sided Clopper-Pearson bound for k
events in n trials. This needs a k that is fixed before the scores are seen:

- Ties may leave fewer than k scores beyond the threshold. The bound of k stands, because a tied
  score could as well have lain beyond; counting afterwards would promise too much.
- If pictures of the same part are counted apart by the threshold and together here, k depends on
  how the odd pictures fall into parts. Each of the numbers it may have gets its share of the 5 %.
- A threshold beyond the maximum has the bound of the maximum, k = 0.
"""

import math
from dataclasses import dataclass

from inference.binomial import events_allowed, trials_needed, upper_bound

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Subject:
    """Of what is promised how rarely it happens."""

    trial: str  # one of what is counted
    event: str


FALSE_CALLS = Subject("held-out normal", "false calls")
ESCAPES = Subject("confirmed defect", "escapes")


def sentence(subject: Subject, independent: int, allowed: int, choices: int = 1) -> str:
    """The promise of a threshold that leaves ``allowed`` of ``independent`` parts beyond it.

    ``choices``: among how many values the data chose ``allowed``.
    """
    allowed = min(allowed, independent)
    bound = upper_bound(allowed, independent, 1 - (1 - CONFIDENCE) / choices)
    plural = "" if independent == 1 else "s"
    return (
        f"with {independent} {subject.trial}{plural}: {subject.event} <= {_percent(bound)} "
        "at 95 % confidence"
    )


def events_to_allow(subject: Subject, independent: int, rate: float) -> int:
    """How many parts may lie beyond a threshold that keeps the promise of ``rate``.

    ValueError, in one sentence, if even none would be too many.
    """
    if not 0 < rate < 1:
        raise ValueError("a promised rate must lie between 0 and 1")
    allowed = events_allowed(independent, rate, CONFIDENCE)
    if allowed is None:
        raise ValueError(refusal(subject, independent, rate))
    return allowed


def refusal(subject: Subject, independent: int, rate: float) -> str:
    """Why ``rate`` cannot be promised, and what can be."""
    enough = _percent(upper_bound(0, independent, CONFIDENCE))
    there = "is 1" if independent == 1 else f"are {independent}"
    return (
        f"{trials_needed(rate, CONFIDENCE)} independent {subject.trial}s are needed to promise "
        f"{subject.event} <= {100 * rate:g} % at 95 % confidence; there {there}, "
        f"enough for {enough}"
    )


def _percent(rate: float) -> str:
    """Rounded up to a tenth, so that no rounding promises more than is true."""
    return f"{math.ceil(1000 * rate - 1e-9) / 10:g} %"
