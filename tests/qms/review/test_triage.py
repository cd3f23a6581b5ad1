"""Routing: which verdicts a person sees, and what they are told of why."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.review.consistency import Marked, contradictions
from qms.review.triage import Policy, Seen, audit_chance, draw, route

SCRATCH = Marked(code="scratch", name="Scratch", cell="top left")
CRACK = Marked(code="crack", name="Crack", critical=True, cell="centre")
UNKNOWN = Marked(cell="centre")


def seen(evaluation: str = "OK", score: float = 0.2, **words) -> Seen:
    given = {"description": "", "marked": (), "known_types": ("scratch", "crack"), **words}
    return Seen(evaluation=evaluation, score=score, threshold_ok=0.5, threshold_not_ok=0.8, **given)


EVALUATIONS = st.sampled_from(["OK", "NOT_OK", "NOT_DECIDABLE"])
DRAWS = st.floats(0, 1, exclude_max=True)


@given(EVALUATIONS, st.floats(0, 0.49), st.floats(0, 1), DRAWS)
def test_a_flagged_part_is_always_seen_and_a_passed_one_by_its_draw(said, score, share, number):
    found = route(seen(said, score), Policy(audit_share=share), draw=number)
    _, chance = audit_chance(seen(said, score), share)
    if said == "OK":
        assert (found is not None) == (number < chance)
        assert found is None or (found.reason, found.audit, found.blind) == ("AUDIT", True, True)
    else:
        assert found and found.reason == said and found.why
        assert found.blind == (number < share)


@given(st.floats(0, 1), st.floats(0, 0.5))
def test_an_audit_looks_more_often_near_the_threshold_and_its_chance_is_known(share, score):
    stratum, chance = audit_chance(seen("OK", score), share)
    assert 0 <= chance <= 1
    assert stratum in ("low", "middle", "near")
    if share in (0, 1):
        assert chance == share
    assert audit_chance(seen("OK", 0.1), share)[1] <= audit_chance(seen("OK", 0.49), share)[1]


def test_the_draw_is_uniform():
    draws = [draw(uuid4()) for _ in range(4000)]
    assert 0.17 < sum(d < 0.2 for d in draws) / 4000 < 0.23


def test_the_most_urgent_rule_names_the_reason_and_all_are_told():
    found = route(seen("NOT_OK", 0.9, marked=[CRACK, UNKNOWN]), Policy(), draw=0.9)
    assert found and found.reason == "CRITICAL"
    assert found.why[0].startswith("The model names a critical defect: Crack")
    assert len(found.why) == 3


@pytest.mark.parametrize(
    ("policy", "said", "marked", "reason"),
    [
        (Policy(not_ok=False), "NOT_OK", [SCRATCH], None),
        (Policy(uncertain=False), "NOT_DECIDABLE", [SCRATCH], None),
        (Policy(not_ok=False), "NOT_OK", [CRACK], "CRITICAL"),
        (Policy(not_ok=False, critical=False), "NOT_OK", [CRACK], None),
        (Policy(not_ok=False), "NOT_OK", [SCRATCH, UNKNOWN], "NEW_DEFECT"),
        (Policy(not_ok=False, new_defect=False), "NOT_OK", [SCRATCH, UNKNOWN], None),
        (Policy(not_ok=False), "NOT_OK", [UNKNOWN], None),
        (Policy(), "OK", [SCRATCH], "CONTRADICTION"),
        (Policy(contradiction=False), "OK", [SCRATCH], None),
    ],
)
def test_each_rule_can_be_put_aside(policy, said, marked, reason):
    found = route(seen(said, 0.9, marked=marked), policy, draw=0.99)
    assert (found.reason if found else None) == reason


KNOWN = ("scratch", "crack")


@pytest.mark.parametrize(
    ("marked", "text", "says"),
    [
        ([SCRATCH], "No defect was found.", "sees no defect"),
        ([SCRATCH], "Two scratches were found.", "counts 2, but one region is marked"),
        ([SCRATCH, CRACK], "There is one defect.", "counts 1, but 2 regions are marked"),
        ([SCRATCH], "A crack was found.", "names crack"),
        ([SCRATCH], "A scratch was found at the bottom right.", "says bottom right"),
        ([SCRATCH], "A scratch on the right.", "says right"),
    ],
)
def test_a_text_that_does_not_agree_with_the_pixels_is_noticed(marked, text, says):
    found = contradictions("NOT_OK", marked, text, known_types=KNOWN)
    assert any(says in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ([SCRATCH], "A probable scratch was found at the top left: 12 px long, darker."),
        ([SCRATCH, UNKNOWN], "One scratch and one suspicious region were found."),
        ([SCRATCH], ""),
        ([], "The picture as a whole differs from the normal reference; no single region stands out."),
        ([UNKNOWN], "A suspicious region was found in the centre. Whether this is a defect cannot be decided from the picture alone."),
    ],
)  # fmt: skip
def test_a_text_that_agrees_raises_no_doubt(marked, text):
    assert contradictions("NOT_OK", marked, text, known_types=KNOWN) == []
