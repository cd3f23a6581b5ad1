"""Scratches, spots, stains and pores on drawn pictures, so that small changes are learnt too."""

import torch
from torch import Tensor

from inference.training.chance import Chance
from inference.training.fields import clouds, softened
from inference.training.shapes import lit, outline, stroke

SPARED = 0.2  # share of pictures that get none


def blemished(picture: Tensor, chance: Chance) -> Tensor:
    """(n, 3, side, side) with one kind of blemish on most pictures."""
    count, side = len(picture), picture.shape[-1]
    kinds = (_scratch, _spot, _stain, _pores)
    place = kinds[chance.number(len(kinds))](count, side, chance)
    place = (place * chance.each_flag(count, 1 - SPARED))[:, None]
    ways = (_painted, _brightened, _pressed)
    changed = ways[chance.number(len(ways))](picture, place[:, 0], chance)
    return picture * (1 - place) + changed * place


def _scratch(count: int, side: int, chance: Chance) -> Tensor:
    return stroke(count, side, chance, (0.004, 0.03))


def _spot(count: int, side: int, chance: Chance) -> Tensor:
    edge = outline(count, side, chance, (0.02, 0.2))
    return (-edge * chance.each_scale(count, 20, 150)).sigmoid()


def _stain(count: int, side: int, chance: Chance) -> Tensor:
    near = torch.exp(-((5 * outline(count, side, chance, (0.1, 0.5)).clamp(min=0)) ** 2))
    return ((clouds(count, side, chance, (2, 3.5)) - 1) * 8).sigmoid() * near


def _pores(count: int, side: int, chance: Chance) -> Tensor:
    grain = clouds(count, side, chance, (1, 2), (1, 1), (10, 40))
    return ((grain - 2.2) * 6).sigmoid()


def _painted(picture: Tensor, _place: Tensor, chance: Chance) -> Tensor:
    """Another colour, more or less opaque."""
    count = len(picture)
    colour = chance.uniform(0, 1, count, 3, 1, 1)
    grey = chance.each_flag(count, 0.6)[:, None]
    strength = chance.each_scale(count, 0.08, 1)[:, None]
    colour = grey * colour[:, :1] + (1 - grey) * colour
    return picture * (1 - strength) + colour * strength


def _brightened(picture: Tensor, _place: Tensor, chance: Chance) -> Tensor:
    """Lighter or darker."""
    count = len(picture)
    sign = 2 * chance.each_flag(count, 0.5) - 1
    return picture * (1 + chance.each_scale(count, 0.08, 1) * sign)[:, None]


def _pressed(picture: Tensor, place: Tensor, chance: Chance) -> Tensor:
    """A dent or a burr: the relief changes, the colour stays."""
    count = len(picture)
    sign = 2 * chance.each_flag(count, 0.5) - 1
    height = softened(place, 1.0) * chance.each_scale(count, 1, 20) * sign
    return picture * lit(height, chance)[:, None]
