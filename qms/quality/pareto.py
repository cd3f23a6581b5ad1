"""A Pareto chart as numbers: columns by count, and the share that they make up together. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 180
_MOST = 8
_OTHER = "#7f8c99"


@dataclass(frozen=True)
class Column:
    """In the units of the drawing; ``share`` is of all, up to and with this column, in percent."""

    name: str
    colour: str
    count: int
    x: float
    y: float
    width: float
    height: float
    share: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def share_y(self) -> float:
        return HEIGHT * (1 - self.share / 100)


def columns(counted: Sequence[tuple[str, str, int]]) -> list[Column]:
    """Name, colour and count of each; the rarest are drawn together as others, last."""
    ordered = sorted((one for one in counted if one[2] > 0), key=lambda one: -one[2])
    if len(ordered) > _MOST:
        rest = sum(count for _, _, count in ordered[_MOST - 1 :])
        ordered = [*ordered[: _MOST - 1], ("Others", _OTHER, rest)]
    total = sum(count for _, _, count in ordered)
    step = WIDTH / max(len(ordered), 4)
    drawn, before = [], 0
    for place, (name, colour, count) in enumerate(ordered):
        before += count
        height = HEIGHT * count / total
        drawn.append(
            Column(
                name=name,
                colour=colour,
                count=count,
                x=round(place * step + step * 0.15, 2),
                y=round(HEIGHT - height, 2),
                width=round(step * 0.7, 2),
                height=round(height, 2),
                share=100 * before / total,
            )
        )
    return drawn
