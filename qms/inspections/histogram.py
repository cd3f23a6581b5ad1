"""The scores of held-out normals as bars, with the two thresholds. Pure; in units of the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 200, 34, 14, 30, 26
_MOST_BARS, _FEWEST_BARS = 36, 8


@dataclass(frozen=True)
class Bar:
    """``zone`` is what a picture with such a score would be called."""

    x: float
    y: float
    width: float
    height: float
    count: int
    low: float
    high: float
    zone: str


@dataclass(frozen=True)
class Histogram:
    bars: list[Bar]
    ok_at: float
    not_ok_at: float
    ok: float
    not_ok: float
    most: int  # pictures in the highest bar
    low: float
    high: float
    count: int

    width, height, left, right, top = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP
    ground, tall = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM

    @property
    def between(self) -> float:
        return round(self.not_ok_at - self.ok_at, 1)


def histogram(scores: Sequence[float], ok: float, not_ok: float) -> Histogram:
    """Bars of equal width from the lowest score to a little beyond the upper threshold."""
    low, high = min(*scores, ok), max(*scores, not_ok)
    margin = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    low, high = low - margin, high + margin
    number = max(_FEWEST_BARS, min(_MOST_BARS, round(2 * len(scores) ** 0.5)))
    counts = _counts(scores, low, high, number)
    bars = [_bar(i, counts, low, (high - low) / number, ok, not_ok) for i in range(number)]

    def at(score: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (score - low) / (high - low), 1)

    return Histogram(
        [bar for bar in bars if bar.count],
        at(ok),
        at(not_ok),
        ok,
        not_ok,
        max(counts),
        low,
        high,
        len(scores),
    )


def zone(score: float, ok: float, not_ok: float) -> str:
    if score >= not_ok:
        return "not-ok"
    return "ok" if score < ok else "between"


def _counts(scores: Sequence[float], low: float, high: float, number: int) -> list[int]:
    counts = [0] * number
    for score in scores:
        counts[min(number - 1, int(number * (score - low) / (high - low)))] += 1
    return counts


def _bar(
    index: int, counts: Sequence[int], low: float, step: float, ok: float, not_ok: float
) -> Bar:
    wide = (WIDTH - LEFT - RIGHT) / len(counts)
    tall = (HEIGHT - TOP - BOTTOM) * counts[index] / max(counts)
    start = low + index * step
    return Bar(
        x=round(LEFT + index * wide + 0.5, 2),
        y=round(HEIGHT - BOTTOM - tall, 2),
        width=round(wide - 1, 2),
        height=round(tall, 2),
        count=counts[index],
        low=start,
        high=start + step,
        zone=zone(start + step / 2, ok, not_ok),
    )
