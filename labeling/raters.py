"""Words that several people gave to the same things: what holds, and how well they agree.

``votes`` maps each thing to what each person called it; not everybody needs to have seen each.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Votes = Mapping[str, Mapping[str, str]]

NOTHING = float("nan")  # agreement of nobody with anybody
FEW_THINGS, FEW_PEOPLE = 20, 3  # from so many on, people can be told apart by their mistakes
ROUNDS = 200
STILL = 1e-9

Floats = NDArray[np.float64]


def majority(words: Iterable[str], *, tie: str) -> str:
    """What was said most often; ``tie`` if several words were."""
    ranked = Counter(words).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return tie
    return ranked[0][0]


def pairs_agreeing(words: Sequence[str]) -> float:
    """Share of the pairs of people who said the same; NaN of fewer than two people."""
    pairs = len(words) * (len(words) - 1)
    same = sum(count * (count - 1) for count in Counter(words).values())
    return same / pairs if pairs else NOTHING


def alpha(votes: Votes) -> float:
    """Krippendorff's alpha for words: 1 is perfect, 0 what chance gives; NaN of nothing.

    1 - (n - 1) * sum(o_ck) / sum(n_c * n_k) over c other than k, of the coincidences o of pairs
    within one thing, each thing weighted by 1 / (people - 1): K. Krippendorff, "Computing
    Krippendorff's Alpha-Reliability", 2011, section C. It copes with any number of people and
    with things that some of them did not see. 1 if only one word was ever said.
    """
    seen = [Counter(given.values()) for given in votes.values() if len(given) > 1]
    total: Counter[str] = Counter()
    apart = 0.0
    for counts in seen:
        people = sum(counts.values())
        apart += sum(count * (people - count) for count in counts.values()) / (people - 1)
        total += counts
    n = sum(total.values())
    by_chance = sum(count * (n - count) for count in total.values())
    if not seen:
        return NOTHING
    return 1 - (n - 1) * apart / by_chance if by_chance else 1.0


def truths(votes: Votes, *, tie: str) -> dict[str, str]:
    """What each thing is: by Dawid and Skene where there are enough of both, else by majority."""
    often = [thing for thing, given in votes.items() if len(given) >= FEW_PEOPLE]
    if len(often) < FEW_THINGS:
        return {thing: majority(given.values(), tie=tie) for thing, given in votes.items()}
    return {thing: _likeliest(shares, tie) for thing, shares in dawid_skene(votes).items()}


def _likeliest(shares: Mapping[str, float], tie: str) -> str:
    best = max(shares.values(), default=0.0)
    words = [word for word, share in shares.items() if best - share < STILL]
    return words[0] if len(words) == 1 else tie


def dawid_skene(votes: Votes) -> dict[str, dict[str, float]]:
    """How probable each word is for each thing.

    Expectation maximisation over what each person calls what: A. P. Dawid and A. M. Skene,
    "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
    Statistics 28(1), 1979, equations 2.3 to 2.5, begun with the shares of the votes. The order of
    people and of things does not matter.
    """
    words = sorted({word for given in votes.values() for word in given.values()})
    people = sorted({person for given in votes.values() for person in given})
    things = sorted(thing for thing, given in votes.items() if given)
    if not things:
        return {}
    said = np.zeros((len(people), len(things), len(words)))
    for place, thing in enumerate(things):
        for person, word in votes[thing].items():
            said[people.index(person), place, words.index(word)] = 1
    truth = _likely_truth(said)
    return {
        thing: dict(zip(words, row.tolist(), strict=True))
        for thing, row in zip(things, truth, strict=True)
    }


def _likely_truth(said: Floats) -> Floats:
    """(things, words) out of (people, things, words)."""
    truth = said.sum(axis=0) / said.sum(axis=(0, 2))[:, None]
    tiny = np.finfo(np.float64).tiny
    for _ in range(ROUNDS):
        often = truth.mean(axis=0)
        calls = np.einsum("tw,ptv->pwv", truth, said)
        calls /= np.maximum(calls.sum(axis=2, keepdims=True), tiny)
        logs = np.log(np.maximum(often, tiny)) + np.einsum(
            "ptv,pwv->tw", said, np.log(np.maximum(calls, tiny))
        )
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        former, truth = truth, shares / shares.sum(axis=1, keepdims=True)
        if np.abs(truth - former).max() < STILL:
            break
    return np.asarray(truth)
