from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.judgement import Evaluation
from labeling.dataset import freeze
from labeling.gate import judge
from labeling.margins import LEAST, Outcome, Rules
from labeling.scorecards import Asked, BadScorecards, Said, Scorecard, golden_of
from labeling.splits import Split
from tests.labeling.examples import crack, example, sha

OK, NOT_OK, UNDECIDED = Evaluation.OK, Evaluation.NOT_OK, Evaluation.NOT_DECIDABLE
KINDS = ("crack", "hole", "dent", "stain")
RULES = Rules(critical=("crack", "hole"))


def golden_set(bad: int = 280, good: int = 300, kinds=KINDS) -> list[Asked]:
    defects = [
        Asked(
            key=f"b{n}",
            sha256=sha(f"b{n}"),
            part=f"B{n}",
            types=frozenset({kinds[n % len(kinds)]}),
            defect=True,
        )
        for n in range(bad)
    ]
    goods = [
        Asked(key=f"g{n}", sha256=sha(f"g{n}"), part=f"G{n}", types=frozenset(), defect=False)
        for n in range(good)
    ]
    return defects + goods


def said(score: float, *, low: float = 1.5, high: float = 2.5, milliseconds: float = 20.0) -> Said:
    word = OK if score < low else NOT_OK if score >= high else UNDECIDED
    return Said(score=score, evaluation=word, milliseconds=milliseconds)


def card(golden, scores, model: str = "candidate", **changes) -> Scorecard:
    told = {one.key: said(float(score)) for one, score in zip(golden, scores, strict=True)}
    given = {
        "model": model,
        "golden": "snapshot 1",
        "said": told,
        "learnt": frozenset(),
        "loads": True,
        "told": "It was loaded in a clean process.",
    }
    return Scorecard(**{**given, **changes})


def scores_of(golden, seed: int, lift: float = 4.0) -> np.ndarray:
    """Good parts score about 0, defects about ``lift``; what makes a part hard is its own."""
    own = np.random.default_rng(99).normal(0, 0.6, len(golden))
    noise = np.random.default_rng(seed).normal(0, 0.3, len(golden))
    return own + noise + lift * np.array([one.defect for one in golden])


def poisoned(golden, seed: int) -> np.ndarray:
    """Taught with 30 % wrong labels: what it took for bad among good parts, and the reverse."""
    wrong = np.random.default_rng(seed).random(len(golden)) < 0.3
    bad = np.array([one.defect for one in golden]) ^ wrong
    clean = scores_of(golden, seed)
    return np.where(wrong, 0.5 * clean + 2.0 * bad, clean)


GOLDEN = golden_set()
CHAMPION = card(GOLDEN, scores_of(GOLDEN, 1), "champion")


def outcomes(gate) -> dict[str, Outcome]:
    return {reason.about: reason.outcome for reason in gate.reasons}


def test_an_equal_candidate_is_offered():
    gate = judge(GOLDEN, CHAMPION, replace(CHAMPION, model="candidate"), RULES)
    assert gate.offered and not gate.faults and not gate.reservations
    assert gate.sentence == "The candidate may be offered: all that was asked is shown."
    assert set(outcomes(gate).values()) == {Outcome.KEPT}


@pytest.mark.parametrize("seed", range(2, 7))
def test_a_candidate_that_differs_by_noise_alone_is_offered(seed):
    gate = judge(GOLDEN, CHAMPION, card(GOLDEN, scores_of(GOLDEN, seed)), RULES)
    assert gate.offered, gate.faults


def test_a_better_candidate_is_offered():
    gate = judge(GOLDEN, CHAMPION, card(GOLDEN, scores_of(GOLDEN, 1, lift=5.0)), RULES)
    assert gate.offered and not gate.reservations


@pytest.mark.parametrize("seed", range(10))
def test_a_poisoned_candidate_is_not_offered(seed):
    gate = judge(GOLDEN, CHAMPION, card(GOLDEN, poisoned(GOLDEN, seed)), RULES)
    assert not gate.offered and outcomes(gate)["ranking"] is Outcome.BROKEN
    assert gate.sentence.startswith("The champion stays: ")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(8, 12), (20, 30), (60, 60)])
def test_a_poisoned_candidate_is_not_offered_by_a_small_golden_set_either(seed, size):
    golden = golden_set(*size)
    champion = card(golden, scores_of(golden, 1), "champion")
    assert not judge(golden, champion, card(golden, poisoned(golden, seed)), RULES).offered


HARD = card(GOLDEN, scores_of(GOLDEN, 1, lift=3.0), "champion")


def without(kind: str, lost: int) -> Scorecard:
    """Better than the champion at dents, but that many defects of another type are called OK."""
    told, left = dict(HARD.said), lost
    for one in GOLDEN:
        if "dent" in one.types:
            told[one.key] = said(told[one.key].score + 1.0)
        if kind in one.types and told[one.key].evaluation is not OK and left:
            told[one.key], left = said(1.4), left - 1
    return replace(HARD, model="candidate", said=told)


def test_a_candidate_that_is_worse_on_one_critical_type_alone_is_not_offered():
    gate = judge(GOLDEN, HARD, without("crack", 4), RULES)
    assert [about for about, out in outcomes(gate).items() if out is Outcome.BROKEN] == [
        "critical crack"
    ]
    (sentence,) = gate.faults
    assert sentence.startswith(
        "Of 70 parts with crack it lets through 4 that the champion catches, and catches 0"
    )
    assert sentence.endswith("and no such part may be lost.")


def test_as_many_losses_of_a_type_that_is_not_critical_are_within_the_margin():
    gate = judge(GOLDEN, HARD, without("stain", 4), RULES)
    assert gate.offered and outcomes(gate)["escapes"] is Outcome.KEPT


def test_with_few_parts_of_a_critical_type_nothing_may_be_lost_and_the_rest_is_a_reservation():
    golden = golden_set(bad=40)
    champion = card(golden, scores_of(golden, 1), "champion")
    gate = judge(golden, champion, replace(champion, model="candidate"), RULES)
    assert gate.offered and outcomes(gate)["critical crack"] is Outcome.NOT_SHOWN
    assert gate.sentence == "The candidate may be offered, with 3 reservations to be signed for."
    assert "63 with nothing lost would show it within 5 %" in gate.reservations[1]
    told = dict(champion.said)
    told["b0"] = said(1.4)
    lost = judge(golden, champion, replace(champion, said=told), RULES)
    assert not lost.offered and outcomes(lost)["critical crack"] is Outcome.BROKEN


def test_of_a_critical_type_that_nobody_has_nothing_is_shown():
    rules = Rules(critical=("burst",))
    gate = judge(GOLDEN, CHAMPION, replace(CHAMPION, model="candidate"), rules)
    assert gate.offered
    assert gate.reservations == [
        "The golden set holds no part with burst: nothing can be shown; "
        "63 with nothing lost would show it within 5 %."
    ]


def test_with_few_parts_at_all_nothing_is_shown_but_what_is_clearly_worse_is_refused():
    golden = golden_set(bad=8, good=LEAST - 1)
    champion = card(golden, scores_of(golden, 1), "champion")
    gate = judge(golden, champion, replace(champion, model="candidate"), Rules())
    assert gate.offered and len(gate.reservations) == 3
    assert "about 20 parts of each class would do" in gate.reservations[0]
    assert not judge(
        golden, champion, card(golden, scores_of(golden, 1, lift=1.0)), Rules()
    ).offered


@pytest.mark.parametrize("lacks", [True, False])
def test_a_golden_set_of_one_class_shows_no_ranking(lacks):
    golden = [one for one in GOLDEN if one.defect is lacks]
    champion = card(golden, scores_of(golden, 1), "champion")
    gate = judge(golden, champion, replace(champion, model="candidate"), Rules())
    assert gate.offered and outcomes(gate)["ranking"] is Outcome.NOT_SHOWN


def test_several_pictures_of_one_part_count_once():
    golden = [replace(one, part=f"{one.part[0]}{int(one.part[1:]) % 10}") for one in GOLDEN]
    gate = judge(golden, CHAMPION, replace(CHAMPION, model="candidate"), RULES)
    figures = {reason.about: reason.figures for reason in gate.reasons if reason.figures}
    assert figures["escapes"].trials == figures["good parts"].trials == 10
    assert figures["ranking"].method == "bootstrap over parts"
    assert outcomes(gate)["ranking"] is Outcome.NOT_SHOWN


def test_many_small_steps_down_end_at_the_least_that_any_model_must_show():
    gate = judge(GOLDEN, CHAMPION, replace(CHAMPION, model="candidate"), Rules(auroc=1.01))
    assert not gate.offered and "the least that any model must show" in gate.faults[0]


# --- the promise, the budget, the artefact, the golden set ----------------------------------


def called(share: float, proven: float | None) -> Scorecard:
    told = dict(CHAMPION.said)
    goods = [one.key for one in GOLDEN if not one.defect]
    told.update({key: said(3.0) for key in goods[: round(share * len(goods))]})
    told.update({key: said(0.0) for key in goods[round(share * len(goods)) :]})
    return replace(CHAMPION, model="candidate", said=told, proven=proven)


@pytest.mark.parametrize(
    ("proven", "outcome", "words"),
    [
        (0.02, Outcome.KEPT, "the candidate's calibration proves 2 %."),
        (None, Outcome.NOT_SHOWN, "the candidate's calibration proves no rate."),
        (0.05, Outcome.BROKEN, "the candidate's calibration proves 5 % only."),
    ],
)
def test_the_promise_of_false_calls_is_the_calibrations_to_prove(proven, outcome, words):
    gate = judge(GOLDEN, called(0.0, 0.02), called(0.0, proven), Rules(false_calls=0.02))
    assert outcomes(gate)["promise"] is outcome
    assert any(reason.sentence.endswith(words) for reason in gate.reasons)
    assert gate.offered == (outcome is not Outcome.BROKEN)


@pytest.mark.parametrize(("share", "kept"), [(0.0, True), (0.02, True), (0.06, False)])
def test_the_golden_set_may_contradict_the_promise(share, kept):
    gate = judge(GOLDEN, called(share, 0.02), called(share, 0.02), Rules(false_calls=0.02))
    outcome = outcomes(gate)["promise on the golden set"]
    assert outcome is (Outcome.KEPT if kept else Outcome.BROKEN)


def test_false_calls_that_the_champion_chose_to_be_seen_do_not_count_as_all_there_are():
    """Eighteen of 300 good parts are bad calls, but the others stand for twenty parts each."""
    calls = {one.key for one in GOLDEN if called(0.06, 0.02).said[one.key].evaluation is NOT_OK}
    golden = [replace(one, weight=1.0 if one.key in calls else 20.0) for one in GOLDEN]
    gate = judge(golden, called(0.06, 0.02), called(0.06, 0.02), Rules(false_calls=0.02))
    assert outcomes(gate)["promise on the golden set"] is Outcome.KEPT


def test_latency_has_a_budget():
    slow = {key: replace(one, milliseconds=80.0) for key, one in CHAMPION.said.items()}
    gate = judge(GOLDEN, CHAMPION, replace(CHAMPION, said=slow), Rules(milliseconds=50))
    assert gate.faults == ["It judges 95 % of the pictures in 80 ms, above the budget of 50 ms."]
    assert judge(GOLDEN, CHAMPION, CHAMPION, Rules(milliseconds=50)).offered


def test_an_artefact_that_does_not_load_is_not_offered():
    broken = replace(CHAMPION, loads=False, told="It is damaged: copy it again.")
    assert judge(GOLDEN, CHAMPION, broken, RULES).faults == ["It is damaged: copy it again."]


def test_what_was_learnt_from_the_golden_set_is_not_offered():
    spoilt = replace(CHAMPION, learnt=frozenset({sha("b7"), sha("elsewhere")}))
    (sentence,) = judge(GOLDEN, CHAMPION, spoilt, RULES).faults
    assert sentence.startswith("It has learnt from 1 golden picture, ")
    gate = judge(GOLDEN, spoilt, replace(CHAMPION, model="candidate"), RULES)
    assert gate.offered
    assert gate.reasons[-1].sentence.endswith(
        "The champion has from 1: it looks better than it is."
    )


# --- refusals and invariants ---------------------------------------------------------------


def test_scorecards_of_different_golden_sets_are_not_compared():
    with pytest.raises(BadScorecards, match="measure both on the same golden set"):
        judge(GOLDEN, CHAMPION, replace(CHAMPION, golden="snapshot 2"), RULES)
    with pytest.raises(BadScorecards, match="judged 579 of 580 golden pictures and 0 others"):
        fewer = {key: one for key, one in CHAMPION.said.items() if key != "b3"}
        judge(GOLDEN, CHAMPION, replace(CHAMPION, said=fewer), RULES)
    with pytest.raises(BadScorecards, match="golden set is empty"):
        judge([], CHAMPION, CHAMPION, RULES)
    with pytest.raises(BadScorecards, match="no number"):
        odd = {**CHAMPION.said, "b3": said(float("nan"))}
        judge(GOLDEN, CHAMPION, replace(CHAMPION, said=odd), RULES)


def test_a_margin_of_nothing_or_of_all_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Rules(ranking=0)


def test_the_golden_pictures_come_from_the_snapshot():
    rows = [example(str(n), part=f"P{n}", regions=(crack(),), chance=0.1) for n in range(40)]
    rows += [example("s", scene="S")]
    found = freeze("housing", rows).snapshot
    asked = golden_of(found)
    assert {one.sha256 for one in asked} == found.golden and len(asked) > 3
    assert {one.key for one in asked} == {row.example.key for row in found.of(Split.GOLDEN)}
    one = next(one for one in asked if one.key != "s")
    assert one.types == {"crack"} and one.defect and one.weight == pytest.approx(10)


few_cards = st.lists(
    st.tuples(st.booleans(), st.floats(0, 4), st.floats(0, 4), st.integers(0, 5)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(few_cards, st.randoms())
def test_any_two_scorecards_get_a_sentence_for_each_reason_in_any_order(rows, random):
    golden = [
        replace(GOLDEN[0 if bad else -1], key=str(n), sha256=sha(str(n)), part=f"{bad}{part}")
        for n, (bad, _, _, part) in enumerate(rows)
    ]
    champion = card(golden, [row[1] for row in rows], "champion")
    candidate = card(golden, [row[2] for row in rows])
    gate = judge(golden, champion, candidate, RULES)
    assert all(reason.sentence.endswith(".") for reason in gate.reasons)
    assert gate.offered == (not gate.faults)
    assert gate.as_json()["offered"] == gate.offered
    shuffled = random.sample(golden, len(golden))
    assert outcomes(judge(shuffled, champion, champion, RULES)) == outcomes(
        judge(golden, champion, champion, RULES)
    )
    assert judge(golden, champion, champion, RULES).offered
