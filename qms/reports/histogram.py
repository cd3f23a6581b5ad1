"""The histogram under the sliders, in the units of its drawing: 1000 wide, 240 high. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from qms.reports.whatif import Judged, Looked

WIDTH, HEIGHT, BARS = 1000.0, 240.0, 60
_LEAST = 3.0  # so high is a bar at least, that a single part can be seen


@dataclass(frozen=True)
class Bar:
    """Parts of one band of scores: good ones below, bad ones on top, all that were judged behind."""

    x: float
    width: float
    good: float
    bad: float
    outline: float  # heights

    @property
    def good_y(self) -> float:
        return HEIGHT - self.good

    @property
    def bad_y(self) -> float:
        return HEIGHT - self.good - self.bad

    @property
    def outline_y(self) -> float:
        return HEIGHT - self.outline


@dataclass(frozen=True)
class Histogram:
    low: float
    high: float
    highest: float  # parts of the highest bar
    bars: Sequence[Bar]
    marks: Sequence[float]  # where each known defect lies

    @property
    def ticks(self) -> list[float]:
        return [self.low + (self.high - self.low) * n / 5 for n in range(6)]

    @property
    def step(self) -> float:
        """Of the sliders: a thousandth of the scale."""
        return (self.high - self.low) / 1000

    def at(self, score: float) -> float:
        return WIDTH * min(1.0, max(0.0, (score - self.low) / (self.high - self.low)))


def histogram(
    looked: Sequence[Looked], judged: Sequence[Judged], limits: Sequence[float]
) -> Histogram:
    """The scale reaches a little beyond the thresholds, and to the highest score where that is not
    far off: what lies beyond is counted in the last bar."""
    scores = [part.score for part in judged] + [part.score for part in looked]
    low, high = _scale(scores, limits)
    frame = Histogram(low, high, 0.0, (), ())
    good, bad, every = [0.0] * BARS, [0.0] * BARS, [0.0] * BARS
    for part in looked:
        (bad if part.bad else good)[_bar(frame, part.score)] += part.weight
    for some in judged:
        every[_bar(frame, some.score)] += some.parts
    highest = max(max(g + b, e) for g, b, e in zip(good, bad, every, strict=True)) or 1.0
    unit = HEIGHT / highest
    width = WIDTH / BARS
    bars = [
        Bar(n * width, width - 1, _high(g * unit), _high(b * unit), _high(e * unit))
        for n, (g, b, e) in enumerate(zip(good, bad, every, strict=True))
        if g or b or e
    ]
    return Histogram(low, high, highest, bars, [frame.at(p.score) for p in looked if p.bad])


def _scale(scores: Sequence[float], limits: Sequence[float]) -> tuple[float, float]:
    least, top, limit = min([*scores, *limits]), max(scores, default=0.0), max(limits)
    high = max(min(1.25 * limit, 2 * top), min(top, 3 * limit) if limit else top, least + 1e-6)
    return min(least, max(0.0, least - (high - least) / 20)), high


def _bar(frame: Histogram, score: float) -> int:
    return min(BARS - 1, int(frame.at(score) / WIDTH * BARS))


def _high(height: float) -> float:
    return max(_LEAST, height) if height else 0.0
