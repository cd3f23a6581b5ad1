"""Several people's regions and words become one truth, and what they differ in is told."""

import dataclasses
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from labeling import consensus, staple
from labeling.consensus import Consensus
from labeling.words import EVALUATIONS, SEVERITIES, Answer, Labelled, LabelledRegion, Mask, Origin

AT = datetime(2026, 11, 22, tzinfo=UTC)
SIDE = 24


def square(x: int, y: int, size: int) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[y : y + size, x : x + size] = True
    return mask


def region(mask: Mask, label: str | None = "dent", severity: str | None = None) -> LabelledRegion:
    return LabelledRegion(
        key="r",
        label=label,
        severity=severity,
        confidence=None,
        note="",
        mask=mask,
        origin=Origin.MANUAL,
    )


def says(
    person: int,
    *regions: LabelledRegion,
    evaluation: str = "NOT_OK",
    description: str = "",
    answer: str = "",
) -> Labelled:
    given_answer = Answer(slot="q", question="?", text=answer, predicted=None, origin=Origin.MANUAL)
    return Labelled(
        studio_id=person,
        task_id=1,
        updated_at=AT,
        made_at=AT,
        person=person,
        seconds=None,
        skipped=False,
        skip_reason="",
        evaluation=evaluation,
        evaluation_origin=Origin.MANUAL,
        description=description,
        description_origin=Origin.MANUAL,
        regions=regions,
        answers=(given_answer,),
    )


masks = st.builds(square, st.integers(0, 16), st.integers(0, 16), st.integers(1, 8))
regions = st.builds(
    region, masks, st.sampled_from(["dent", "scratch", None]), st.sampled_from([*SEVERITIES, None])
)
opinions = st.builds(
    says,
    st.just(1),
    *[regions] * 2,
    evaluation=st.sampled_from(EVALUATIONS),
    description=st.sampled_from(["", "a dent", "a deep dent", "nothing"]),
    answer=st.sampled_from(["", "yes", "no"]),
)
crowds = st.lists(opinions, min_size=1, max_size=5).map(
    lambda said: [
        dataclasses.replace(one, person=place, studio_id=place)
        for place, one in enumerate(said, start=1)
    ]
)


def plain(found: Consensus) -> object:
    """To be compared: numpy's masks and NaN do not compare by themselves."""
    told = [
        [(r.label, r.severity, r.mask.tobytes(), r.votes, repr(r.iou)) for r in some]
        for some in (found.regions, found.disputed)
    ]
    return told, found.evaluation, found.description, found.answers, repr(found.agreement)


@given(crowds, st.randoms())
@settings(deadline=None)
def test_the_order_of_people_does_not_matter(crowd: list[Labelled], mixed: object) -> None:
    other = list(crowd)
    mixed.shuffle(other)  # type: ignore[attr-defined]
    assert plain(consensus.merge(other)) == plain(consensus.merge(crowd))


@given(opinions, st.integers(1, 5))
@settings(deadline=None)
def test_people_who_agree_give_themselves_back(one: Labelled, people: int) -> None:
    found = consensus.merge(
        [dataclasses.replace(one, person=n, studio_id=n) for n in range(1, people + 1)]
    )
    assert (found.evaluation, found.description) == (one.evaluation, one.description)
    assert found.disputed == ()
    assert found.answers == {a.slot: a.text for a in one.answers if a.text}
    assert len(found.regions) == len(one.regions)
    for agreed, given_region in zip(found.regions, one.regions, strict=True):
        assert np.array_equal(agreed.mask, given_region.mask)
        assert (agreed.label, agreed.severity) == (given_region.label, given_region.severity)
        assert agreed.votes == people
    if people > 1:
        assert (found.agreement.masks, found.agreement.evaluation) == (1.0, 1.0)


@given(crowds)
@settings(deadline=None)
def test_nobody_is_counted_twice_and_no_region_is_lost(crowd: list[Labelled]) -> None:
    found = consensus.merge(crowd)
    all_regions = [*found.regions, *found.disputed]
    assert sum(r.votes for r in all_regions) == sum(len(one.regions) for one in crowd)
    assert all(r.votes <= len(crowd) for r in all_regions)
    painted = np.logical_or.reduce([r.mask for one in crowd for r in one.regions])
    assert not np.logical_or.reduce([r.mask & ~painted for r in all_regions]).any()


def test_regions_of_several_people_are_matched_by_what_they_cover() -> None:
    left, right = square(1, 1, 6), square(14, 14, 6)
    found = consensus.merge(
        [
            says(1, region(left), region(right, "scratch")),
            says(2, region(square(15, 14, 6), "scratch"), region(square(1, 2, 6))),
            says(3, region(square(2, 1, 6), "scratch")),
        ]
    )
    assert [(r.label, r.votes) for r in found.regions] == [("dent", 3), ("scratch", 2)]
    assert np.count_nonzero(found.regions[1].mask) == 5 * 6  # of two, what both painted
    assert found.disputed == ()


def test_what_only_a_minority_painted_is_disputed() -> None:
    found = consensus.merge([says(1, region(square(0, 0, 5))), says(2), says(3)])
    assert found.regions == ()
    assert [r.votes for r in found.disputed] == [1]
    assert math.isnan(found.disputed[0].iou)


def test_a_tie_decides_nothing() -> None:
    mask = square(0, 0, 5)
    found = consensus.merge(
        [
            says(1, region(mask, "dent", "MINOR"), evaluation="OK", answer="yes"),
            says(2, region(mask, "scratch", "CRITICAL"), evaluation="NOT_OK", answer="no"),
        ]
    )
    assert found.evaluation == "NOT_DECIDABLE"
    assert found.regions[0].label is None
    assert found.regions[0].severity == "CRITICAL"  # the safe side
    assert found.answers == {"q": ""}
    assert found.agreement.evaluation == found.agreement.labels == found.agreement.answers == 0.0


def test_the_description_is_the_one_nearest_to_all() -> None:
    said = ["a deep dent", "a dent left", "a deep dent left", "nothing"]
    found = consensus.merge([says(n, description=words) for n, words in enumerate(said, start=1)])
    assert found.description == "a deep dent left"


def test_who_skipped_said_nothing() -> None:
    skip = dataclasses.replace(says(2, evaluation=""), skipped=True)
    assert consensus.merge([says(1), skip]).people == 1
    with pytest.raises(ValueError, match="nobody has labelled"):
        consensus.merge([skip])


def test_one_person_agrees_with_nobody_and_that_is_no_figure() -> None:
    assert math.isnan(consensus.merge([says(1)]).agreement.masks)


@given(masks, masks)
@settings(deadline=None)
def test_overlap_is_symmetric_and_a_share(one: Mask, other: Mask) -> None:
    assert consensus.iou(one, other) == consensus.iou(other, one)
    assert 0 <= consensus.iou(one, other) <= 1
    assert consensus.iou(one, one) == 1


some_masks = array_shapes(min_dims=2, max_dims=2, max_side=8).flatmap(
    lambda shape: st.lists(arrays(np.bool_, shape), min_size=1, max_size=6)
)


@given(some_masks, st.randoms())
@settings(deadline=None)
def test_one_mask_lies_between_what_all_and_what_any_painted(
    given_masks: list[Mask], mixed: object
) -> None:
    one = staple.one_mask(given_masks)
    assert not (one & ~np.logical_or.reduce(given_masks)).any()
    assert not (np.logical_and.reduce(given_masks) & ~one).any()
    other = list(given_masks)
    mixed.shuffle(other)  # type: ignore[attr-defined]
    assert np.array_equal(staple.one_mask(other), one)


def test_a_careless_hand_is_outvoted_by_careful_ones() -> None:
    draw = np.random.default_rng(0)
    truth = square(6, 6, 12)
    careful = [truth ^ (draw.random(truth.shape) < 0.05) for _ in range(3)]
    careless = [draw.random(truth.shape) < 0.5 for _ in range(2)]
    found = staple.one_mask([*careful, *careless])
    votes = np.sum([*careful, *careless], axis=0) > 2
    assert np.count_nonzero(found ^ truth) < np.count_nonzero(votes ^ truth)
    assert np.count_nonzero(found ^ truth) <= 5
