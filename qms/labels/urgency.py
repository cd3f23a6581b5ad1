"""How soon an annotator should see a picture: 0 to 1, 1 first. Pure: no database, no clock."""

from collections.abc import Collection, Mapping

_REASON: Mapping[str, float] = {"ASKED": 0.7, "DISPUTED": 0.5, "BY_HAND": 0.4, "UNCERTAIN": 0.3}
_SEVERITY: Mapping[str, float] = {"CRITICAL": 0.2, "MAJOR": 0.1}
_CLOSENESS = 0.1
OVER_CAP = 0.25  # less than the least urgent of those within the cap


def urgency(
    reason: str,
    severities: Collection[str],
    *,
    score: float,
    limits: tuple[float, float],
    over_cap: bool = False,
) -> float:
    """By the reason first, then the worst severity, then the closeness to a threshold."""
    worst = max((_SEVERITY.get(one, 0.0) for one in severities), default=0.0)
    found = _REASON[reason] + worst + _CLOSENESS * closeness(score, limits)
    return min(1.0, found) * (OVER_CAP if over_cap else 1.0)


def closeness(score: float, limits: tuple[float, float]) -> float:
    """1 on a threshold, 0 once it is further away than the two are apart."""
    ok, not_ok = limits
    apart = not_ok - ok or abs(not_ok) or 1.0
    nearest = min(abs(score - ok), abs(score - not_ok))
    return max(0.0, 1.0 - nearest / apart)
