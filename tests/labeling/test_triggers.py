from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.controlchart import Subgroup
from labeling.triggers import BASELINE, Cause, Policy, State, decide

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def state(**changes) -> State:
    return replace(State(labels=50, since=NOW - DAY), **changes)


def shifts(*corrected: int) -> list[Subgroup]:
    """A steady model, then so many of 100 corrected in each of the last shifts until now."""
    counts = [8, 12] * 20 + list(corrected)
    first = NOW - (len(counts) - 1) * 8 * HOUR
    return [
        Subgroup(at=first + 8 * HOUR * n, events=count, trials=100)
        for n, count in enumerate(counts)
    ]


def test_without_a_reason_nothing_begins():
    found = decide(state(), Policy(), NOW)
    assert not found.train and found.cause is None
    assert found.sentence == "No run is due before 2026-03-24 12:00 UTC."
    assert found.again_at == NOW + 6 * DAY
    found = decide(state(), Policy(every=None), NOW)
    assert (found.sentence, found.again_at) == ("No run is due.", None)


@pytest.mark.parametrize(
    ("changes", "cause", "sentence"),
    [
        ({"since": NOW - 7 * DAY}, Cause.CLOCK, "A run begins: 7 days since the beginning."),
        (
            {"begun": [NOW - 8 * DAY]},
            Cause.CLOCK,
            "A run begins: 8 days since the last run.",
        ),
        ({"labels": 100}, Cause.COUNT, "A run begins: 100 new labels, 100 are enough."),
        ({"drift": "Drifting: look."}, Cause.DRIFT, "A run begins: Drifting: look."),
        (
            {"corrected": shifts(40)},
            Cause.CHART,
            "A run begins: people corrected 40.0 % of what they saw, usual are 10.0 % "
            "(beyond the limits).",
        ),
        ({"asked_by": "ada", "labels": 0}, Cause.HAND, "A run begins: ada asked for it."),
    ],
)
def test_each_reason_begins_a_run_and_says_so(changes, cause, sentence):
    found = decide(state(**changes), Policy(), NOW)
    assert (found.train, found.cause) == (True, cause)
    assert found.sentence.replace("9.9 %", "10.0 %") == sentence


def test_several_reasons_are_all_told_the_most_urgent_first():
    found = decide(state(drift="Drifting.", labels=200, since=NOW - 30 * DAY), Policy(), NOW)
    assert found.cause is Cause.DRIFT
    assert found.sentence == (
        "A run begins: Drifting; 200 new labels, 100 are enough; 30 days since the beginning."
    )


def test_reasons_can_be_switched_off():
    silent = Policy(every=None, after=None, on_drift=False, on_chart=False)
    asks = state(labels=999, since=NOW - 99 * DAY, drift="Drifting.", corrected=shifts(40))
    assert decide(asks, silent, NOW).cause is None


def test_fewer_corrections_than_usual_and_a_young_model_are_no_signal():
    assert decide(state(corrected=shifts(0)), Policy(), NOW).cause is None
    assert decide(state(corrected=shifts(40)[-BASELINE + 1 :]), Policy(), NOW).cause is None


def test_nine_shifts_a_little_above_are_a_signal():
    found = decide(state(corrected=shifts(*[12] * 9)), Policy(), NOW)
    assert found.cause is Cause.CHART and "nine in a row" in found.sentence


def test_a_signal_that_a_run_has_answered_is_not_raised_again():
    answered = state(corrected=shifts(40, 10, 10), begun=[NOW - 9 * HOUR])
    assert decide(answered, Policy(), NOW).cause is None
    open_yet = replace(answered, begun=[NOW - 17 * HOUR])
    assert decide(open_yet, Policy(), NOW).cause is Cause.CHART


def test_with_too_little_to_learn_nothing_begins():
    found = decide(state(labels=3, drift="Drifting."), Policy(), NOW)
    assert not found.train and found.cause is Cause.DRIFT and found.again_at is None
    assert "3 of the 10 new labels" in found.sentence


def test_one_at_a_time_even_by_hand():
    found = decide(state(running="Run 7", asked_by="ada", labels=500), Policy(), NOW)
    assert (found.train, found.sentence) == (False, "Run 7 is under way: one at a time.")


def test_the_last_run_must_be_long_enough_ago():
    found = decide(state(labels=500, begun=[NOW - HOUR]), Policy(), NOW)
    assert not found.train and found.again_at == NOW + 11 * HOUR
    assert found.sentence.endswith(
        "waits until 2026-03-18 23:00 UTC: the last run began too short a time ago."
    )


def test_runs_are_capped():
    begun = [NOW - days * DAY for days in (6, 3, 2)]
    found = decide(state(labels=500, begun=begun), Policy(most=3), NOW)
    assert not found.train and found.again_at == NOW + DAY
    assert decide(state(labels=500, begun=begun), Policy(most=4), NOW).train


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-18T05:59+01:00", None),
        ("2026-03-18T06:00+01:00", "2026-03-18T22:00+01:00"),
        ("2026-03-18T21:59+01:00", "2026-03-18T22:00+01:00"),
        ("2026-03-18T22:00+01:00", None),
    ],
)
def test_no_run_begins_in_quiet_hours_of_the_site(at, until):
    policy = Policy(quiet=(time(6), time(22)), zone="Europe/Berlin")
    found = decide(state(labels=500), policy, datetime.fromisoformat(at))
    assert found.train == (until is None)
    assert found.again_at == (until and datetime.fromisoformat(until))


def test_quiet_hours_may_pass_midnight_and_the_change_of_the_clock():
    policy = Policy(quiet=(time(22), time(2, 30)), zone="Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime(2026, 3, 28, 23, tzinfo=berlin)
    found = decide(state(labels=500, since=evening - DAY), policy, evening)
    assert "quiet hours" in found.sentence
    assert decide(state(labels=500), policy, found.again_at).train
    twice = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=berlin)
    found = decide(state(labels=500, since=twice - DAY), policy, twice)
    assert found.again_at == twice.astimezone(UTC) + timedelta(minutes=15)


def test_by_hand_neither_quiet_hours_nor_caps_nor_the_last_run_matter():
    policy = Policy(quiet=(time(6), time(22)), most=1)
    assert decide(state(begun=[NOW - HOUR], asked_by="ada"), policy, NOW).train


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"quiet": (time(6), time(6))}, "different times"),
        ({"quiet": (time(6, tzinfo=UTC), time(7, tzinfo=UTC))}, "clock of the zone"),
        ({"zone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({"zone": "../etc"}, "no time zone"),
        ({"most": 0}, "from 1 on"),
        ({"after": 0}, "from 1 on"),
        ({"rest": -HOUR}, "below nothing"),
    ],
)
def test_a_policy_that_could_never_be_kept_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        Policy(**wrong)


def test_now_needs_a_time_zone():
    with pytest.raises(ValueError, match="time zone"):
        decide(state(), Policy(), NOW.replace(tzinfo=None))


zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
clock = st.times().map(lambda t: t.replace(second=0, microsecond=0))
policies = st.builds(
    Policy,
    every=st.none() | st.integers(0, 100).map(lambda h: h * HOUR),
    after=st.none() | st.integers(1, 60),
    least=st.integers(0, 20),
    rest=st.integers(0, 40).map(lambda h: h * HOUR),
    most=st.integers(1, 4),
    within=st.integers(1, 200).map(lambda h: h * HOUR),
    quiet=st.none() | st.tuples(clock, clock).filter(lambda pair: pair[0] != pair[1]),
    zone=zones,
)
moments = st.integers(0, 60 * 24 * 400).map(lambda m: NOW + timedelta(minutes=m))


@settings(deadline=None)
@given(policies, st.lists(st.integers(1, 60 * 24 * 20), max_size=6), st.integers(0, 80), moments)
def test_what_is_decided_is_allowed(policy, ago, labels, now):
    begun = [now - timedelta(minutes=minutes) for minutes in ago]
    found = decide(State(labels=labels, since=now - 50 * DAY, begun=begun), policy, now)
    if found.train:
        assert labels >= policy.least
        assert all(now - one >= policy.rest for one in begun)
        assert sum(one > now - policy.within for one in begun) < policy.most
        local = now.astimezone(ZoneInfo(policy.zone)).time()
        start, end = policy.quiet or (None, None)
        if policy.quiet:
            assert not (start <= local < end if start < end else local >= start or local < end)
    assert found.sentence.endswith(".") and found.train == found.sentence.startswith("A run begins")
    assert found.again_at is None or (found.again_at > now and not found.train)


@settings(deadline=None)
@given(policies, st.integers(0, 80), moments, zones)
def test_the_zone_in_which_now_is_told_does_not_matter(policy, labels, now, zone):
    known = State(labels=labels, since=NOW - DAY)
    assert decide(known, policy, now) == decide(known, policy, now.astimezone(ZoneInfo(zone)))


@settings(deadline=None)
@given(policies, st.integers(0, 80), st.integers(1, 50), moments)
def test_more_labels_never_turn_a_yes_into_a_no(policy, labels, more, now):
    known = State(labels=labels, since=NOW - DAY)
    assert (
        decide(known, policy, now).train
        <= decide(replace(known, labels=labels + more), policy, now).train
    )


@settings(max_examples=40, deadline=None)
@given(policies, moments)
def test_asking_again_when_told_to_comes_to_a_run_or_to_waiting_for_something_new(policy, now):
    """Nobody has to ask every minute: a few times to ask again lead to the end."""
    known = State(labels=70, since=now)
    for _ in range(6):
        found = decide(known, policy, now)
        if found.train or found.again_at is None:
            break
        now = found.again_at
    assert found.train or found.again_at is None


@settings(max_examples=20, deadline=None)
@given(policies, moments)
def test_over_months_no_cap_is_passed(policy, now):
    begun = []
    for step in range(300):
        at = now + step * 5 * HOUR
        known = State(labels=100, since=now, begun=tuple(begun))
        if decide(known, policy, at).train:
            begun.append(at)
    for one in begun:
        assert sum(one <= other < one + policy.within for other in begun) <= policy.most
        assert not any(timedelta(0) < other - one < policy.rest for other in begun)
