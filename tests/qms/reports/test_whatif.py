"""What other thresholds would have done: by hand, and by what must always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.reports.comparison import doubt, fixed, lines
from qms.reports.histogram import HEIGHT, histogram
from qms.reports.whatif import Judged, Looked, Production, Rules, audits_missing, consequences

SCORES = st.floats(0, 2, allow_subnormal=False)
LOOKED = st.builds(
    Looked, SCORES, st.booleans(), st.sampled_from([1.0, 2.0, 25.0, 50.0]), st.booleans()
)
JUDGED = st.builds(Judged, SCORES, st.integers(1, 900), st.booleans())
RULES = st.builds(
    Rules,
    route_not_ok=st.booleans(),
    route_uncertain=st.booleans(),
    audit_share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    cost_review=st.floats(0, 9),
    cost_false_call=st.floats(0, 90),
    cost_escape=st.floats(0, 900),
)
PRODUCTION = st.builds(
    Production,
    looked=st.lists(LOOKED, max_size=40),
    judged=st.lists(JUDGED, min_size=1, max_size=40),
    shifts=st.integers(1, 90),
    rules=RULES,
)

# 1000 parts in two shifts: 900 of score 0.2, of which 18 were audited with a chance of 2 % and one
# was bad; 100 of score 0.8, all seen, 60 of them bad.
LINE = Production(
    looked=[
        *[Looked(0.2, n == 0, 50.0) for n in range(18)],
        *[Looked(0.8, n < 60, 1.0) for n in range(100)],
    ],
    judged=[Judged(0.2, 900), Judged(0.8, 100)],
    shifts=2,
    rules=Rules(audit_share=0.02, cost_review=1, cost_false_call=5, cost_escape=100),
)


def test_a_line_by_hand():
    found = consequences(LINE, ok=0.5, not_ok=0.6)
    assert (found.accepted, found.undecided, found.rejected) == (450, 0, 50)
    assert found.audits == pytest.approx(450 * (1 - 0.98**0.5))  # far below: half as often
    assert found.reviews == pytest.approx(50 + found.audits)
    assert (found.false_calls, found.false_call_rate.value) == (20, 0.4)
    assert found.escape_rate.value == pytest.approx(1 / 18)
    assert found.escapes.value == pytest.approx(25)
    assert (found.defects_accepted, found.defects_known) == (1, 61)
    assert found.miss_rate.value == pytest.approx(50 / 110)
    assert found.cost.value == pytest.approx(found.reviews + 5 * 20 + 100 * 25)
    assert found.like == pytest.approx(18)
    assert audits_missing(found) == 381 - 18


def test_what_is_accepted_by_none_escapes_nobody():
    found = consequences(LINE, ok=0.0, not_ok=0.0)
    assert (found.accepted, found.escapes.value, found.reviews) == (0, 0, 500)
    assert found.escape_rate.value is None


def test_all_accepted_is_known_by_weights():
    found = consequences(LINE, ok=1.0, not_ok=1.0)
    assert found.escapes.value == pytest.approx(500 * 110 / 1000)
    assert (found.false_calls, found.false_call_rate.value) == (0, None)


def test_what_people_see_anyway_is_never_an_escape():
    critical = Production(
        looked=[Looked(0.1, True, 1.0, True)],
        judged=[Judged(0.1, 7, True)],
        shifts=1,
        rules=Rules(),
    )
    found = consequences(critical, ok=0.5, not_ok=0.5)
    assert (found.reviews, found.accepted, found.defects_accepted) == (7, 0, 0)


@given(PRODUCTION, SCORES, SCORES, SCORES)
def test_a_higher_ok_threshold_accepts_more_and_misses_more(of, one, other, top):
    low, high = sorted((one, other))
    few = consequences(of, ok=low, not_ok=max(high, top))
    many = consequences(of, ok=high, not_ok=max(high, top))
    assert many.accepted >= few.accepted
    assert many.defects_accepted >= few.defects_accepted
    assert (many.miss_rate.value or 0) >= (few.miss_rate.value or 0) - 1e-9
    assert many.rejected == few.rejected


@given(PRODUCTION, SCORES, SCORES)
def test_every_part_goes_one_way(of, one, other):
    ok, not_ok = sorted((one, other))
    found = consequences(of, ok=ok, not_ok=not_ok)
    seen_anyway = sum(p.parts for p in of.judged if p.always and p.score < ok) / of.shifts
    whole = sum(p.parts for p in of.judged) / of.shifts
    assert found.accepted + found.undecided + found.rejected + seen_anyway == pytest.approx(whole)
    assert 0 <= found.reviews <= whole + 1e-9
    if found.escapes.value is not None:
        assert found.escapes.low - 1e-9 <= found.escapes.value <= found.escapes.high + 1e-9


@given(PRODUCTION, SCORES, SCORES)
def test_the_same_thresholds_change_nothing(of, one, other):
    ok, not_ok = sorted((one, other))
    found = consequences(of, ok=ok, not_ok=not_ok)
    assert {line.change for line in lines(found, found)} <= {"no change", "–"}


def test_a_change_has_a_sign_and_a_word():
    before, after = consequences(LINE, ok=0.5, not_ok=0.6), consequences(LINE, ok=0.9, not_ok=0.9)
    said = {line.key: (line.change, line.direction) for line in lines(before, after)}
    assert said["accepted"] == ("+50.0 more", "")
    assert said["false_calls"] == ("−20.0 fewer", "better")
    assert said["defects_accepted"] == ("+60 more", "worse")
    assert said["escape_rate"][0].endswith("points higher")
    assert said["cost"][0].endswith("dearer")


def test_too_little_is_said_with_how_much_is_missing():
    words = doubt(consequences(LINE, ok=0.5, not_ok=0.6))
    assert "18 parts below the accept threshold" in words
    assert "363 more audits are needed: at the recipe's share" in words
    blind = Production(looked=[], judged=LINE.judged, shifts=1, rules=Rules())
    words = doubt(consequences(blind, ok=0.5, not_ok=0.6))
    assert words.startswith("Nothing is known of escapes")
    assert "the recipe audits nothing" in words
    sure = Production(
        looked=[Looked(0.1, False, 2.0)] * 400, judged=LINE.judged, shifts=1, rules=Rules()
    )
    assert doubt(consequences(sure, ok=0.5, not_ok=0.6)) == ""


def test_numbers_read_as_people_round_them():
    assert [fixed(0.25), fixed(1234.5, 0), fixed(-0.01), fixed(-2.25)] == [
        "0.3", "1,235", "0.0", "-2.3"
    ]  # fmt: skip


@given(st.lists(LOOKED, max_size=40), st.lists(JUDGED, min_size=1, max_size=40), SCORES)
def test_the_histogram_holds_each_part_and_stays_in_its_frame(looked, judged, limit):
    drawn = histogram(looked, judged, (limit / 2, limit))
    assert drawn.high > drawn.low
    assert len(drawn.marks) == sum(part.bad for part in looked)
    for bar in drawn.bars:
        assert 0 <= bar.x < 1000
        assert bar.outline <= HEIGHT + 1e-6
        assert bar.good + bar.bad <= HEIGHT + 6 + 1e-6
    assert drawn.bars


@pytest.mark.parametrize("limits", [(0.0, 0.0), (0.1, 0.2), (40.0, 50.0), (1e-9, 1e-9)])
def test_the_scale_shows_the_scores_whatever_the_thresholds_are(limits):
    drawn = histogram([], [Judged(0.1, 5), Judged(0.3, 1)], limits)
    assert drawn.low <= min(0.1, *limits)
    assert drawn.high <= 0.6 + 1e-6
    assert drawn.step > 0
