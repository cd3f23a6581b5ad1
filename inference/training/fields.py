"""Textures as single-channel fields (n, side, side) of mean 0 and spread 1, drawn by rules.

What surfaces on a line are made of: clouds of a power law (Field 1987: natural scenes have one),
brushed and drawn metal, gratings, weaves, turned rings, grains and pebbles (Worley 1996), tracks
and pads of a board, pores and scale. Chance decides within each kind.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from inference.training.chance import Chance

Field = Callable[[int, int, Chance], Tensor]

WIDE = 3.6  # the largest distance between two places of a picture, and a little more
TURNINGS = 512  # values along the radius of turned rings


def drawn(count: int, side: int, chance: Chance) -> Tensor:
    """One kind, or one with a fainter second one over it."""
    found = _one(count, side, chance)
    if chance.one_in(2):
        found = found + _one(count, side, chance) * chance.each_scale(count, 0.05, 1)
    return standardised(found)


def clouds(
    count: int,
    side: int,
    chance: Chance,
    fall: tuple[float, float] = (0.5, 2.2),
    drawn_out: tuple[float, float] = (1.0, 1.0),
    from_frequency: tuple[float, float] = (0.0, 12.0),
) -> Tensor:
    """Noise whose amplitude falls with frequency to the power of ``fall``.

    ``drawn_out``: how many times longer than wide its grain is, in a drawn direction.
    ``from_frequency``: below it (in waves a picture) the spectrum is flat.
    """
    u = torch.fft.rfftfreq(side, 1 / side, device=chance.device)[None, None, :]
    v = torch.fft.fftfreq(side, 1 / side, device=chance.device)[None, :, None]
    angle, ratio = chance.each_angle(count), chance.each_scale(count, *drawn_out)
    along = (u * angle.cos() + v * angle.sin()) * ratio.sqrt()
    across = (v * angle.cos() - u * angle.sin()) / ratio.sqrt()
    flat = chance.each(count, *from_frequency)
    gain = (along**2 + across**2 + flat**2 + 1).pow(-chance.each(count, *fall) / 2)
    gain[:, 0, 0] = 0
    white = torch.fft.rfft2(chance.normal(count, side, side))
    return standardised(torch.fft.irfft2(white * gain, s=(side, side)))


def brushed(count: int, side: int, chance: Chance) -> Tensor:
    return clouds(count, side, chance, (0.5, 2.0), (4, 200))


def grating(count: int, side: int, chance: Chance) -> Tensor:
    """Lines, straight or bent, from soft waves to hard bars."""
    x, _ = places(count, side, chance)
    bend = 2 * clouds(count, side, chance, (2.5, 4)) * chance.each_scale(count, 0.01, 1)
    phase = math.pi * chance.each_scale(count, 2, 40) * x + bend + chance.each(count, 0, 6.3)
    hardness = chance.each_scale(count, 0.3, 8)
    return standardised(torch.tanh(phase.sin() * hardness))


def weave(count: int, side: int, chance: Chance) -> Tensor:
    """Threads over and under each other, a grid of bumps, or a lattice."""
    x, y = places(count, side, chance)
    wave = math.pi * chance.each_scale(count, 4, 24)
    warp, weft = (wave * x).sin(), (wave * y * chance.each(count, 0.5, 1.5)).sin()
    kind = chance.number(3)
    if kind == 0:
        above = (wave * x / 2).sin() * (wave * y / 2).sin() > 0
        return standardised(torch.where(above, warp.abs(), weft.abs()))
    return standardised(torch.maximum(warp, weft) if kind == 1 else warp * weft)


def turned(count: int, side: int, chance: Chance) -> Tensor:
    """Rings of a lathe about a centre in the picture or beside it."""
    x, y = places(count, side, chance)
    away = (x - chance.each(count, -1.5, 1.5)) ** 2 + (y - chance.each(count, -1.5, 1.5)) ** 2
    profile = clouds(count, TURNINGS, chance, (0.0, 1.5))[:, 0]
    at = (away.sqrt() / WIDE * (TURNINGS - 1)).long().clamp(0, TURNINGS - 1)
    return standardised(profile.gather(1, at.flatten(1)).view_as(x))


def grains(count: int, side: int, chance: Chance) -> Tensor:
    """Cells about scattered seeds: their tone, their borders, or both."""
    x, y = places(count, side, chance)
    fineness, warp = chance.each_scale(count, 2, 24), chance.each_scale(count, 0.01, 0.3)
    x, y = (
        (axis + clouds(count, side, chance, (2, 3)) * warp / fineness.sqrt()) * fineness
        for axis in (x, y)
    )
    nearest, second, tone = _seeds(x, y, chance.each(count, 0, 100))
    border = (second - nearest).clamp(max=0.2)
    kinds = (tone, border, nearest, tone + 2 * border)
    return standardised(kinds[chance.number(len(kinds))])


def board(count: int, side: int, chance: Chance) -> Tensor:
    """Tracks and drilled pads on a lattice."""
    cells = 6 + chance.number(26)
    x, y = places(count, side, chance, as_they_lie=True)
    x, y = ((axis + 1) / 2 * cells for axis in (x, y))
    from_centre = ((x.frac() - 0.5) ** 2 + (y.frac() - 0.5) ** 2).sqrt()
    pads = _lattice(chance.uniform(0, 1, count, 1, cells, cells) < 0.12, side)
    radius = chance.each(count, 0.25, 0.5)
    tracks = _tracks(count, cells, side, chance)
    tracks = tracks * ((y.frac() - 0.5).abs() < chance.each(count, 0.12, 0.5))
    copper = torch.maximum(tracks, pads * (from_centre < radius))
    copper = copper * (1 - pads * (from_centre < 0.45 * radius))
    return standardised(softened(copper, 0.3 + 1.2 * chance.share()))


def pores(count: int, side: int, chance: Chance) -> Tensor:
    """Clouds cut at a level, hard or soft: pores, scale, rust, casting skin."""
    level, hardness = chance.each(count, -1.5, 1.5), chance.each_scale(count, 1, 20)
    cut = (clouds(count, side, chance, (1.5, 3.0), (1, 4), (0, 20)) - level) * hardness
    return standardised(cut.sigmoid() + 0.2 * clouds(count, side, chance, (0, 1.5)))


KINDS: tuple[Field, ...] = (clouds, brushed, grating, weave, turned, grains, board, pores, pores)


def places(
    count: int, side: int, chance: Chance, *, as_they_lie: bool = False
) -> tuple[Tensor, Tensor]:
    """x and y, each (n, side, side), -1 to 1 across the picture; turned unless ``as_they_lie``."""
    line = torch.linspace(-1, 1, side, device=chance.device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    if as_they_lie:
        return x.expand(count, side, side), y.expand(count, side, side)
    angle = chance.each_angle(count)
    return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()


def standardised(field: Tensor) -> Tensor:
    """Mean 0 and spread 1 in each picture; a field without contrast becomes 0."""
    field = field - field.mean((1, 2), keepdim=True)
    return field / field.std((1, 2), keepdim=True).clamp(min=1e-6)


def softened(field: Tensor, sigma: float) -> Tensor:
    """(n, h, w) blurred by a Gaussian of ``sigma`` pixels."""
    reach = max(1, int(3 * sigma))
    line = torch.arange(-reach, reach + 1, device=field.device).float()
    weights = torch.exp(-line * line / (2 * sigma * sigma))
    weights = weights / weights.sum()
    padded = functional.pad(field[:, None], (reach,) * 4, mode="reflect")
    across = functional.conv2d(padded, weights[None, None, None])
    return functional.conv2d(across, weights[None, None, :, None])[:, 0]


def _one(count: int, side: int, chance: Chance) -> Tensor:
    return KINDS[chance.number(len(KINDS))](count, side, chance)


def _seeds(x: Tensor, y: Tensor, salt: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distances to the nearest and the second seed, and the tone of the nearest, 0 to 1."""
    nearest, second, tone = torch.full_like(x, 9.0), torch.full_like(x, 9.0), torch.zeros_like(x)
    for right, below in [(right, below) for right in (-1, 0, 1) for below in (-1, 0, 1)]:
        column, row = x.floor() + right, y.floor() + below
        dx = column + _scattered(column, row, salt) - x
        dy = row + _scattered(column, row, salt + 31.7) - y
        away = (dx**2 + dy**2).sqrt()
        closer = away < nearest
        second = torch.where(closer, nearest, torch.minimum(second, away))
        tone = torch.where(closer, _scattered(column, row, salt + 67.3), tone)
        nearest = torch.where(closer, away, nearest)
    return nearest, second, tone


def _scattered(column: Tensor, row: Tensor, salt: Tensor) -> Tensor:
    """A value 0 to 1 for each cell, without a table: the fraction of a large sine."""
    return torch.frac(torch.sin(column * 127.1 + row * 311.7 + salt * 74.7) * 43758.5453).abs()


def _tracks(count: int, cells: int, side: int, chance: Chance) -> Tensor:
    """Runs of cells along one axis, 1 or 0."""
    runs = (chance.normal(count, 1, cells, cells) > 0.3) & (
        chance.normal(count, 1, cells, cells) > -0.4
    )
    window = (1, 3) if chance.one_in(2) else (3, 1)
    longer = functional.max_pool2d(runs.float(), window, 1, (window[0] // 2, window[1] // 2))
    return _lattice(longer, side)


def _lattice(cells: Tensor, side: int) -> Tensor:
    """(n, 1, k, k) to (n, side, side), each cell a block."""
    return functional.interpolate(cells.float(), size=(side, side), mode="nearest")[:, 0]
