"""Outlines of parts, bent strokes, and relief under a lamp; all (n, side, side)."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from inference.training.chance import Chance
from inference.training.fields import clouds, places

BENDS = 6  # straight pieces of a stroke


def outline(count: int, side: int, chance: Chance, radius: tuple[float, float]) -> Tensor:
    """About how far each place is from the edge of one drawn shape, negative inside.

    Unit: half a picture. Discs with lobes, bars, polygons, washers, or ragged ovals.
    """
    x, y = places(count, side, chance)
    x, y = x - chance.each(count, -0.8, 0.8), y - chance.each(count, -0.8, 0.8)
    size = chance.each_scale(count, *radius)
    kinds = (_lobed, _bar, _polygon, _washer, _ragged)
    return kinds[chance.number(len(kinds))](x, y, size, chance)


def stroke(count: int, side: int, chance: Chance, width: tuple[float, float]) -> Tensor:
    """1 on a bent line, falling to 0 beside it: what drags over a face leaves."""
    x, y = places(count, side, chance, as_they_lie=True)
    at_x, at_y = chance.each(count, -1, 1), chance.each(count, -1, 1)
    heading, bend = chance.each(count, 0, 2 * math.pi), 0.3 * chance.normal(count, 1, 1)
    step = chance.each_scale(count, 0.02, 0.25)
    nearest = torch.full_like(x, 9.0)
    for _ in range(BENDS):
        dx, dy = step * heading.cos(), step * heading.sin()
        along = (((x - at_x) * dx + (y - at_y) * dy) / step**2).clamp(0, 1)
        away = (x - at_x - along * dx) ** 2 + (y - at_y - along * dy) ** 2
        nearest = torch.minimum(nearest, away)
        at_x, at_y = at_x + dx, at_y + dy
        heading = heading + bend + 0.3 * chance.normal(count, 1, 1)
    return torch.exp(-nearest / (2 * chance.each_scale(count, *width) ** 2))


def lit(height: Tensor, chance: Chance) -> Tensor:
    """Brightness, about 1, of a relief (in pixels) under one lamp, with sheen half the time."""
    count = len(height)
    slope_x = functional.pad(height[:, :, 2:] - height[:, :, :-2], (1, 1))
    slope_y = functional.pad(height[:, 2:] - height[:, :-2], (0, 0, 1, 1))
    towards, above = chance.each(count, 0, 2 * math.pi), chance.each(count, 0.4, 1.3)
    facing = (slope_x * towards.cos() + slope_y * towards.sin()) * above.cos() + above.sin()
    shade = facing * (slope_x**2 + slope_y**2 + 1).rsqrt() / above.sin()
    gloss = chance.each(count, 0, 0.6) * chance.each_flag(count, 0.5)
    return (shade * (1 - gloss) + gloss * shade.clamp(0, 2) ** 8).clamp(0, 2.5)


def _lobed(x: Tensor, y: Tensor, size: Tensor, chance: Chance) -> Tensor:
    count = len(size)
    lobes = ((2 + chance.number(6)) * torch.atan2(y, x) + chance.each(count, 0, 6)).cos()
    return _far(x, y) - size * (1 + chance.each(count, 0, 0.35) * lobes)


def _bar(x: Tensor, y: Tensor, size: Tensor, chance: Chance) -> Tensor:
    """A rectangle with round corners (after Quilez)."""
    width = size * chance.each_scale(len(size), 0.15, 1)
    corner = 0.3 * width
    dx, dy = x.abs() - size + corner, y.abs() - width + corner
    return _far(dx.clamp(min=0), dy.clamp(min=0)) + torch.maximum(dx, dy).clamp(max=0) - corner


def _polygon(x: Tensor, y: Tensor, size: Tensor, chance: Chance) -> Tensor:
    wedge = 2 * math.pi / (3 + chance.number(6))
    turn = torch.remainder(torch.atan2(y, x), wedge) - wedge / 2
    return _far(x, y) * turn.cos() - size


def _washer(x: Tensor, y: Tensor, size: Tensor, chance: Chance) -> Tensor:
    return (_far(x, y) - size).abs() - size * chance.each(len(size), 0.05, 0.4)


def _ragged(x: Tensor, y: Tensor, size: Tensor, chance: Chance) -> Tensor:
    count, side = x.shape[:2]
    edge = 0.15 * size * clouds(count, side, chance, (2, 3.5))
    return _far(x, y / chance.each_scale(count, 0.3, 1)) - size + edge


def _far(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y * y).sqrt()
