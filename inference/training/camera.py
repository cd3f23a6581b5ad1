"""Lens, light and sensor: what happens to a drawn scene before it is a picture."""

import torch
from torch import Tensor

from inference.training.chance import Chance
from inference.training.fields import places, softened

COLOURLESS = 0.35  # share of cameras without colour
SHARP = 0.4  # pixels: a blur below it is none


def photographed(picture: Tensor, chance: Chance) -> Tensor:
    """(n, 3, side, side) of any brightness to a picture in 0..1."""
    count, side = len(picture), picture.shape[-1]
    light = 1 + _falling_off(count, side, chance) * chance.each(count, 0, 0.5)
    picture = (picture * light[:, None]).clamp(0, 1.5)
    grey = chance.each_flag(count, COLOURLESS)[:, None]
    picture = grey * picture.mean(1, keepdim=True) + (1 - grey) * picture
    picture = _focused(_exposed(picture, chance), chance)
    grain = chance.normal(count, 3, side, side)
    grain = grain * (1 - grey) + grain[:, :1] * grey
    return (picture + grain * chance.each_scale(count, 0.001, 0.04)[:, None]).clamp(0, 1)


def _falling_off(count: int, side: int, chance: Chance) -> Tensor:
    """Light from one side, brighter or darker towards the corners."""
    x, y = places(count, side, chance)
    return 0.7 * x + 0.5 * chance.each(count, -1, 1) * (x * x + y * y)


def _exposed(picture: Tensor, chance: Chance) -> Tensor:
    """From a narrow range of grey values to the whole, with a drawn gamma."""
    count = len(picture)
    low, high = picture.amin((1, 2, 3), keepdim=True), picture.amax((1, 2, 3), keepdim=True)
    picture = (picture - low) / (high - low).clamp(min=0.05)
    span = chance.each_scale(count, 0.25, 1)
    dark = chance.each(count, 0, 1) * (1 - span)
    gamma = chance.each_scale(count, 0.5, 2)[:, None]
    return dark[:, None] + span[:, None] * picture.pow(gamma)


def _focused(picture: Tensor, chance: Chance) -> Tensor:
    sigmas = chance.each_scale(len(picture), 0.15, 2.0).flatten().tolist()
    pairs = zip(picture, sigmas, strict=True)
    return torch.stack([softened(one, sigma) if sigma > SHARP else one for one, sigma in pairs])
