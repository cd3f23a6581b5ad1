"""What holds when several people named the same things, and how well they agree."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling import raters
from labeling.evaluation import kappa

words = st.sampled_from(["dent", "scratch", "good"])
votes = st.dictionaries(
    st.sampled_from([f"thing {n}" for n in range(8)]),
    st.dictionaries(st.sampled_from(["ann", "bob", "cyn", "dan"]), words, min_size=1),
)
# Four observers and twelve units of Krippendorff (2011), whose alpha for nominal data is 0.743.
PUBLISHED = {
    "A": "123321412...",
    "B": "12332241 25.3".replace(" ", ""),
    "C": ".3332342251.",
    "D": "1233244 1251.".replace(" ", ""),
}


def units(rows: dict[str, str]) -> dict[str, dict[str, str]]:
    return {
        str(place): {who: row[place] for who, row in rows.items() if row[place] != "."}
        for place in range(12)
    }


def shuffled(given_votes: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    mixed = random.Random(0)
    things = mixed.sample(sorted(given_votes), len(given_votes))
    return {
        thing: {who: given_votes[thing][who] for who in reversed(sorted(given_votes[thing]))}
        for thing in things
    }


def test_alpha_is_that_of_the_published_example() -> None:
    assert raters.alpha(units(PUBLISHED)) == pytest.approx(0.743, abs=0.0005)


@given(votes)
@settings(deadline=None)
def test_alpha_is_at_most_one_and_knows_no_order(given_votes: dict[str, dict[str, str]]) -> None:
    found = raters.alpha(given_votes)
    again = raters.alpha(shuffled(given_votes))
    assert (math.isnan(found) and math.isnan(again)) or (
        found == pytest.approx(again) and found <= 1
    )


@given(st.dictionaries(st.text(max_size=3), words, min_size=2))
@settings(deadline=None)
def test_people_who_agree_have_an_alpha_of_one(named: dict[str, str]) -> None:
    assert raters.alpha({thing: {"ann": w, "bob": w} for thing, w in named.items()}) == 1.0


@given(st.lists(st.tuples(words, words), min_size=30, max_size=60))
@settings(deadline=None)
def test_alpha_of_two_people_is_near_their_kappa(pairs: list[tuple[str, str]]) -> None:
    """It takes the two for samples of one crowd: it differs where they lean differently."""
    found = raters.alpha({str(n): {"a": a, "b": b} for n, (a, b) in enumerate(pairs)})
    pooled = [*pairs, *((b, a) for a, b in pairs)]
    few = 2 / len(pairs)
    assert found == pytest.approx(kappa(pooled), abs=few)


def test_nobody_agrees_with_nobody() -> None:
    assert math.isnan(raters.alpha({"thing": {"ann": "dent"}}))
    assert math.isnan(raters.pairs_agreeing(["dent"]))


@given(st.lists(words, min_size=2))
@settings(deadline=None)
def test_agreement_of_pairs_is_a_share(said: list[str]) -> None:
    pairs = [(a, b) for i, a in enumerate(said) for b in said[:i]]
    assert raters.pairs_agreeing(said) == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


@pytest.mark.parametrize(
    ("said", "holds"), [(["a", "b", "a"], "a"), (["a", "b"], "?"), ([], "?"), (["b"], "b")]
)
def test_the_majority_holds_and_a_tie_is_none(said: list[str], holds: str) -> None:
    assert raters.majority(said, tie="?") == holds


@given(votes)
@settings(deadline=None)
def test_each_things_words_are_shares_of_one(given_votes: dict[str, dict[str, str]]) -> None:
    for shares in raters.dawid_skene(given_votes).values():
        assert sum(shares.values()) == pytest.approx(1)


@given(votes)
@settings(deadline=None)
def test_the_order_of_people_and_things_does_not_matter(
    given_votes: dict[str, dict[str, str]],
) -> None:
    assert raters.dawid_skene(given_votes) == raters.dawid_skene(shuffled(given_votes))
    assert raters.truths(given_votes, tie="?") == raters.truths(shuffled(given_votes), tie="?")


@given(st.dictionaries(st.integers(0, 40).map(str), words, min_size=1))
@settings(deadline=None)
def test_people_who_agree_give_themselves_back(named: dict[str, str]) -> None:
    all_agree = {thing: dict.fromkeys(["ann", "bob", "cyn"], w) for thing, w in named.items()}
    assert raters.truths(all_agree, tie="?") == named
    for thing, shares in raters.dawid_skene(all_agree).items():
        assert shares[named[thing]] == pytest.approx(1)


def test_one_who_knows_outweighs_two_who_guess() -> None:
    """Where a majority of guesses is wrong, who was right elsewhere is believed."""
    draw = random.Random(3)
    truth = {f"{n:03}": draw.choice(["dent", "scratch"]) for n in range(300)}
    say: dict[str, dict[str, str]] = {}
    for thing, word in truth.items():
        guess = [draw.choice(["dent", "scratch"]) for _ in range(2)]
        say[thing] = {"ann": word, "eve": word if draw.random() < 0.9 else "dent"}
        say[thing] |= {"bob": guess[0], "cyn": guess[1]}
    by_majority = {t: raters.majority(v.values(), tie="?") for t, v in say.items()}
    found = raters.truths(say, tie="?")
    right = sum(found[thing] == word for thing, word in truth.items())
    assert right > sum(by_majority[thing] == word for thing, word in truth.items())
    assert right >= 290


def test_few_things_are_decided_by_majority() -> None:
    few = {"1": {"ann": "dent", "bob": "dent", "cyn": "good"}, "2": {"ann": "dent", "bob": "good"}}
    assert raters.truths(few, tie="?") == {"1": "dent", "2": "?"}
