"""Exact bounds of a rate from counts."""

from scipy.stats import beta


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """One-sided Clopper-Pearson bound: the rate is below it with this confidence.

    1.0 without trials. With no event in n trials it is 1 - (1 - confidence) ** (1 / n).
    """
    if not 0 <= events <= trials:
        raise ValueError("events must lie between 0 and trials")
    if events == trials:
        return 1.0
    return float(beta.ppf(confidence, events + 1, trials - events))
