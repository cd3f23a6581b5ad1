"""Pictures drawn by rules, to teach from: no photograph, so no licence but the project's own.

Plain surfaces, reliefs, dead leaves (Lee, Mumford and Huang 2001: shapes over shapes, their sizes
by a power law, have the statistics of natural pictures) and parts lying on a ground; some with
scratches, dents, stains or pores; then lens, light and sensor.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from inference.training import fields
from inference.training.blemishes import blemished
from inference.training.camera import photographed
from inference.training.chance import Chance
from inference.training.shapes import lit, outline

Scene = Callable[[int, int, Chance], Tensor]

ALIKE = 4  # pictures drawn together: of one kind, each with its own values
LEAVES, SHRINK = 14, 0.82  # of dead leaves: how many, and how each is smaller than the last
MOST_PARTS = 4


def scenes(seed: int, count: int, side: int, device: torch.device) -> Tensor:
    """float32 (count, 3, side, side) in 0..1; ValueError unless ``count`` is a multiple of ALIKE."""
    if count % ALIKE:
        raise ValueError(f"scenes are drawn {ALIKE} at a time")
    chance = Chance(seed, device)
    return torch.cat([_four(side, chance) for _ in range(count // ALIKE)])


def _four(side: int, chance: Chance) -> Tensor:
    picture = KINDS[chance.number(len(KINDS))](ALIKE, side, chance)
    if chance.one_in(2):
        picture = blemished(picture, chance)
    if chance.one_in(3):
        picture = blemished(picture, chance)
    return photographed(picture, chance)


def plain(count: int, side: int, chance: Chance) -> Tensor:
    return _surface(count, side, chance)[0]


def relief(count: int, side: int, chance: Chance) -> Tensor:
    picture, _ = _surface(count, side, chance)
    height = fields.drawn(count, side, chance) * chance.each_scale(count, 0.05, 2)
    return picture * lit(height, chance)[:, None]


def leaves(count: int, side: int, chance: Chance) -> Tensor:
    """Each leaf of one colour, or with a skin, or shaded from its edge."""
    picture, *skins = (plain(count, side, chance) for _ in range(3))
    for number in range(LEAVES):
        size = 0.9 * SHRINK**number
        edge = outline(count, side, chance, (size / 2 + 0.02, size + 0.04))
        inside = (-edge * chance.each_scale(count, 40, 200)).sigmoid()[:, None]
        bare = _share(chance.each(count, 0, 1) * chance.each_flag(count, 0.6))
        turned = torch.roll(skins[number % 2], (17 * number, 29 * number), (2, 3))
        leaf = _colour(count, chance, grey=0.4) * (1 - bare) + turned * bare
        shade = 1 + edge * chance.each(count, -2, 2) * chance.each_flag(count, 0.4)
        picture = picture * (1 - inside) + leaf * shade.clamp(0.2, 2)[:, None] * inside
    return picture


def parts(count: int, side: int, chance: Chance) -> Tensor:
    """Parts with relief and shadow on a ground."""
    picture, field = _surface(count, side, chance)
    picture = _calmed(picture, _share(chance.each(count, 0, 1) * chance.each_flag(count, 0.7)))
    height = field * chance.each_scale(count, 0.02, 0.6)
    for _ in range(1 + chance.number(MOST_PARTS)):
        edge = outline(count, side, chance, (0.12, 1.0))
        inside = (-edge * chance.each_scale(count, 15, 150)).sigmoid()
        skin, field = _surface(count, side, chance)
        skin = _calmed(skin, _share(chance.each(count, 0, 1)))
        picture = _over(skin, _shadowed(picture, inside, chance), inside[:, None])
        rounded = (-edge * chance.each_scale(count, 4, 40)).sigmoid()
        body = rounded * chance.each_scale(count, 2, 40)
        height = _over(body + field * chance.each_scale(count, 0.02, 0.6), height, inside)
    return picture * lit(height, chance)[:, None]


KINDS: tuple[Scene, ...] = (parts, parts, leaves, leaves, relief, plain)


def _surface(count: int, side: int, chance: Chance) -> tuple[Tensor, Tensor]:
    """A field between two colours (n, 3, side, side), and the field."""
    field = fields.drawn(count, side, chance)
    depth, level = chance.each_scale(count, 0.5, 2.5), chance.normal(count, 1, 1)
    blend = (field * depth + level).sigmoid()[:, None]
    grey = _share(chance.each_flag(count, 0.5))
    first, second = (_greyed(_colour(count, chance), grey) for _ in range(2))
    return first + (second - first) * blend, field


def _colour(count: int, chance: Chance, grey: float = 0.0) -> Tensor:
    """(n, 3, 1, 1), colourless with probability ``grey``."""
    found = chance.uniform(0, 1, count, 3, 1, 1)
    return _greyed(found, _share(chance.each_flag(count, grey)), tint=0.0)


def _greyed(colour: Tensor, grey: Tensor, tint: float = 0.08) -> Tensor:
    plain_grey = colour[:, :1]
    return grey * (plain_grey + tint * (colour - plain_grey)) + (1 - grey) * colour


def _calmed(picture: Tensor, share: Tensor) -> Tensor:
    """With less of its texture: none of it where the share is 1."""
    mean = picture.mean((2, 3), keepdim=True)
    return mean + (picture - mean) * (1 - share)


def _shadowed(picture: Tensor, inside: Tensor, chance: Chance) -> Tensor:
    """Darker beside and below a part."""
    dark = fields.softened(inside, 1 + 5 * chance.share())
    dark = torch.roll(dark, (chance.number(9) - 4, chance.number(9) - 4), (1, 2))
    return picture * (1 - (dark * chance.each(len(picture), 0, 0.7))[:, None])


def _over(upper: Tensor, lower: Tensor, cover: Tensor) -> Tensor:
    return lower * (1 - cover) + upper * cover


def _share(each: Tensor) -> Tensor:
    """(n, 1, 1) to (n, 1, 1, 1), for pictures."""
    return each[:, None]
