"""When is a model to be taught again? Pure: the door reads the clock and passes ``now``.

Four things may ask for it: a signal of the control chart on how often people correct the model,
drift of its scores, enough new labels, the clock. Each waits while a run is under way, until there
is something new to learn, until the last run is long enough ago, and until quiet hours are over.
Who asks by hand waits only for the run that is under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from labeling.controlchart import Subgroup, laney

BASELINE = 25  # subgroups that tell what is usual of a model


class Cause(StrEnum):
    """What asks for a run, the most urgent first."""

    HAND = "by hand"
    CHART = "corrections"
    DRIFT = "drift"
    COUNT = "count"
    CLOCK = "clock"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """``every`` and ``after`` (a number of labels) may be None: never for that reason.

    - ``least``: new labels without which nothing but a hand begins a run.
    - ``rest``: from the beginning of a run to that of the next; at most ``most`` in ``within``.
    - ``quiet``: from and until when none begins, by the clock of ``zone``; may pass midnight.

    ValueError, in one sentence, if it could never be kept.
    """

    every: timedelta | None = timedelta(days=7)
    after: int | None = 100
    on_drift: bool = True
    on_chart: bool = True
    least: int = 10
    rest: timedelta = timedelta(hours=12)
    most: int = 3
    within: timedelta = timedelta(days=7)
    quiet: tuple[time, time] | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.most < 1 or self.least < 0 or (self.after is not None and self.after < 1):
            raise ValueError("runs and labels are counted from 1 on")
        if min(self.rest, self.within, self.every or timedelta(days=1)) < timedelta(0):
            raise ValueError("a time to wait cannot be below nothing")
        if self.quiet and self.quiet[0] == self.quiet[1]:
            raise ValueError("quiet hours begin and end at different times")
        if self.quiet and any(one.tzinfo for one in self.quiet):
            raise ValueError("quiet hours are told by the clock of the zone, without one of theirs")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {self.zone!r}") from error


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of one product.

    - ``labels``: new since the pictures that the last finished run learnt from.
    - ``since``: when the clock began, where there was no run yet.
    - ``begun``: when each run began, however it ended.
    - ``running``: the run under way, in words; "" = none. ``asked_by``: who asks by hand.
    - ``drift``: the sentence of the drift check while scores drift, else "".
    - ``corrected``: how many of the reviewed pictures people corrected, of the active model.
    """

    labels: int
    since: datetime
    begun: Sequence[datetime] = ()
    running: str = ""
    asked_by: str = ""
    drift: str = ""
    corrected: Sequence[Subgroup] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """``cause`` is the most urgent one, also where it has to wait. ``again_at``: when to ask again
    at the latest if nothing but time passes; None = only something new can change it.
    """

    train: bool
    sentence: str
    cause: Cause | None = None
    again_at: datetime | None = None


def decide(state: State, policy: Policy, now: datetime) -> Decision:
    """Whether a run is to begin now, and why, or why not. ``now`` with its time zone."""
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    now = now.astimezone(UTC)
    if state.running:
        return Decision(train=False, sentence=f"{state.running} is under way: one at a time.")
    if state.asked_by:
        sentence = f"A run begins: {state.asked_by} asked for it."
        return Decision(train=True, sentence=sentence, cause=Cause.HAND)
    causes = _causes(state, policy, now)
    if not causes:
        return _nothing(state, policy)
    cause, why = causes[0][0], "; ".join(reason for _, reason in causes)
    if state.labels < policy.least:
        sentence = (
            f"A run is due ({why}), but there are {state.labels} of the {policy.least} new labels "
            "that make one worth while: label more."
        )
        return Decision(train=False, sentence=sentence, cause=cause)
    for until, reason in (
        (_rested(state, policy), "the last run began too short a time ago"),
        (_under_the_cap(state, policy, now), f"there were {policy.most} runs of late"),
        (_loud(policy, now), "these are quiet hours"),
    ):
        if until and until > now:
            sentence = f"A run is due ({why}) and waits until {_told(until, policy)}: {reason}."
            return Decision(train=False, sentence=sentence, cause=cause, again_at=until)
    return Decision(train=True, sentence=f"A run begins: {why}.", cause=cause)


def _causes(state: State, policy: Policy, now: datetime) -> list[tuple[Cause, str]]:
    found = []
    if policy.on_chart and (signal := _signal(state)):
        found.append((Cause.CHART, signal))
    if policy.on_drift and state.drift:
        found.append((Cause.DRIFT, state.drift.rstrip(".")))
    if policy.after is not None and state.labels >= policy.after:
        found.append((Cause.COUNT, f"{state.labels:,} new labels, {policy.after:,} are enough"))
    due = _due(state, policy)
    if due and now >= due:
        last = "the last run" if state.begun else "the beginning"
        found.append((Cause.CLOCK, f"{_days(now - _last(state))} since {last}"))
    return found


def _signal(state: State) -> str:
    """The latest sign, since the last run, that people correct the model more often than usual."""
    chart = laney(state.corrected, baseline=BASELINE)
    if chart is None or len(chart.points) < BASELINE:
        return ""
    since = max(state.begun, default=None)
    fresh = [one for one in chart.points[BASELINE:] if since is None or one.at > since]
    signs = [one for one in fresh if one.rules and one.z > 0]
    if not signs:
        return ""
    sign = signs[-1]
    return (
        f"people corrected {100 * sign.share:.1f} % of what they saw, usual are "
        f"{100 * chart.centre:.1f} % ({' and '.join(sign.rules)})"
    )


def _nothing(state: State, policy: Policy) -> Decision:
    due = _due(state, policy)
    if due is None:
        return Decision(train=False, sentence="No run is due.")
    sentence = f"No run is due before {_told(due, policy)}."
    return Decision(train=False, sentence=sentence, again_at=due)


def _last(state: State) -> datetime:
    return max(state.begun, default=state.since).astimezone(UTC)


def _due(state: State, policy: Policy) -> datetime | None:
    return _last(state) + policy.every if policy.every is not None else None


def _rested(state: State, policy: Policy) -> datetime | None:
    return _last(state) + policy.rest if state.begun else None


def _under_the_cap(state: State, policy: Policy, now: datetime) -> datetime | None:
    """When so many runs are long enough ago that there may be another one."""
    late = sorted(one.astimezone(UTC) for one in state.begun if one > now - policy.within)
    return late[-policy.most] + policy.within if len(late) >= policy.most else None


def _loud(policy: Policy, now: datetime) -> datetime | None:
    """When the quiet hours end that it is in, an hour that the clock skips in spring at the latest;
    None outside of them.
    """
    if policy.quiet is None or not _quiet(policy.quiet, now, ZoneInfo(policy.zone)):
        return None
    zone, end = ZoneInfo(policy.zone), policy.quiet[1]
    today = now.astimezone(zone).date()
    days = (today, today + timedelta(days=1))
    ends = [
        datetime.combine(day, end, zone).replace(fold=fold).astimezone(UTC)
        for day in days
        for fold in (0, 1)  # an hour that the clock shows twice in autumn
    ]
    return min(one for one in ends if one > now and not _quiet(policy.quiet, one, zone))


def _quiet(hours: tuple[time, time], moment: datetime, zone: ZoneInfo) -> bool:
    start, end = hours
    clock = moment.astimezone(zone).time()
    return start <= clock < end if start < end else clock >= start or clock < end


def _told(moment: datetime, policy: Policy) -> str:
    return moment.astimezone(ZoneInfo(policy.zone)).strftime("%Y-%m-%d %H:%M %Z")


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.1f} days".replace("1.0 days", "1 day").replace(".0 d", " d")
