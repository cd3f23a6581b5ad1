"""Which verdicts need a person, and why. Pure: no database, no clock."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from qms.review.consistency import Marked, contradictions

# Accepted parts near the threshold are drawn more often: that is where escapes are. Each band of
# scores, as a share of the OK threshold, and how often it is drawn beside the plain share.
STRATA = (("low", 0.5, 0.5), ("middle", 0.8, 1.0), ("near", 1.0, 2.0))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a model said, as far as routing looks at it."""

    evaluation: str
    score: float
    threshold_ok: float
    threshold_not_ok: float
    description: str
    marked: Sequence[Marked]
    known_types: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What people are to see; the fields of a Recipe."""

    not_ok: bool = True
    uncertain: bool = True
    contradiction: bool = True
    new_defect: bool = True
    critical: bool = True
    audit_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Route:
    """To a person: for which reason (a word of ``Reason``), and all of them in sentences."""

    reason: str
    why: tuple[str, ...]
    audit: bool = False
    blind: bool = False
    stratum: str = ""
    probability: float | None = None


def route(seen: Seen, policy: Policy, *, draw: float) -> Route | None:
    """Where this verdict goes; None: it stands as it is.

    ``draw`` is a uniform number in [0, 1) that belongs to the inspection. A drawn part is seen
    blind, whatever the model said of it.
    """
    stratum, probability = audit_chance(seen, policy.audit_share)
    drawn = draw < probability
    rules = _rules(seen, policy)
    if rules:
        reasons, why = zip(*rules, strict=True)
        return Route(reason=reasons[0], why=why, blind=drawn, probability=probability)
    if not drawn or seen.evaluation != "OK":
        return None
    return Route(
        reason="AUDIT",
        why=(_audit(seen, probability),),
        audit=True,
        blind=True,
        stratum=stratum,
        probability=probability,
    )


def audit_chance(seen: Seen, share: float) -> tuple[str, float]:
    """The band of scores of a verdict, and the chance that a part of it is drawn."""
    if seen.evaluation != "OK":
        return "", share
    relative = seen.score / seen.threshold_ok if seen.threshold_ok > 0 else 1.0
    name, _, factor = next((band for band in STRATA if relative < band[1]), STRATA[-1])
    return name, 1 - (1 - share) ** factor


def draw(inspection_id: UUID) -> float:
    """A uniform number in [0, 1) that belongs to this inspection.

    By a hash of the key: running twice draws the same, and nobody on the line can tell which part
    will be drawn.
    """
    return uniform("audit", inspection_id.bytes)


def uniform(purpose: str, of: bytes) -> float:
    """A number in [0, 1) by hash, another one for each purpose."""
    digest = hashlib.sha256(purpose.encode() + of).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _rules(seen: Seen, policy: Policy) -> list[tuple[str, str]]:
    """The rules that apply, the most urgent first: the word and the sentence."""
    found = [
        *(_critical(seen) if policy.critical else []),
        *(_contradiction(seen) if policy.contradiction else []),
        *(_new_defect(seen) if policy.new_defect else []),
    ]
    if seen.evaluation == "NOT_OK" and policy.not_ok:
        limit = f"{seen.threshold_not_ok:.3g}"
        found.append(
            ("NOT_OK", f"Its score {seen.score:.3g} reaches the not-OK threshold {limit}.")
        )
    if seen.evaluation == "NOT_DECIDABLE" and policy.uncertain:
        between = f"{seen.threshold_ok:.3g} and {seen.threshold_not_ok:.3g}"
        found.append(
            ("NOT_DECIDABLE", f"Its score {seen.score:.3g} lies between the thresholds {between}.")
        )
    return found


def _critical(seen: Seen) -> list[tuple[str, str]]:
    names = [one.name for one in seen.marked if one.critical]
    if not names:
        return []
    return [("CRITICAL", f"The model names a critical defect: {', '.join(dict.fromkeys(names))}.")]


def _contradiction(seen: Seen) -> list[tuple[str, str]]:
    sentences = contradictions(
        seen.evaluation, seen.marked, seen.description, known_types=seen.known_types
    )
    return [("CONTRADICTION", sentence) for sentence in sentences]


def _new_defect(seen: Seen) -> list[tuple[str, str]]:
    """Only a model that names types can meet one that it does not know."""
    if not any(one.code for one in seen.marked) or all(one.code for one in seen.marked):
        return []
    return [("NEW_DEFECT", "A marked region is of none of the defect types of this product.")]


def _audit(seen: Seen, probability: float) -> str:
    return f"Drawn by chance: {100 * probability:.2g} % of accepted parts like this one are seen."
