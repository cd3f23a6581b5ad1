"""Pictures drawn by rules, to teach a backbone from."""

import pytest
import torch

from inference.training import blemishes, fields, scenes
from inference.training.camera import photographed
from inference.training.chance import Chance
from inference.training.shapes import lit, outline, stroke

CPU = torch.device("cpu")
SIDE = 48


def chance(seed: int = 0) -> Chance:
    return Chance(seed, CPU)


def test_scenes_are_pictures_and_the_same_for_the_same_seed():
    drawn = scenes.scenes(3, 8, SIDE, CPU)
    assert drawn.shape == (8, 3, SIDE, SIDE) and drawn.dtype == torch.float32
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert torch.equal(drawn, scenes.scenes(3, 8, SIDE, CPU))
    assert not torch.equal(drawn, scenes.scenes(4, 8, SIDE, CPU))


def test_scenes_are_drawn_four_at_a_time():
    with pytest.raises(ValueError, match="4 at a time"):
        scenes.scenes(0, 6, SIDE, CPU)


def test_drawing_leaves_the_chance_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    scenes.scenes(0, 4, SIDE, CPU)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("kind", scenes.KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_of_scene_is_finite_and_no_two_of_it_are_alike(kind, seed):
    drawn = photographed(kind(4, SIDE, chance(seed)), chance(seed))
    assert torch.isfinite(drawn).all()
    assert len({round(float(one.mean()), 6) for one in drawn}) == 4


@pytest.mark.parametrize("kind", sorted({*fields.KINDS}, key=lambda kind: kind.__name__))
@pytest.mark.parametrize("seed", range(3))
def test_a_field_has_mean_0_and_spread_1(kind, seed):
    field = kind(4, SIDE, chance(seed))
    assert field.shape == (4, SIDE, SIDE)
    assert field.mean((1, 2)).abs().max() < 1e-4
    spread = field.std((1, 2))
    assert ((spread - 1).abs() < 1e-3).logical_or(spread == 0).all()


def test_clouds_fall_off_as_they_are_told():
    def roughness(fall):
        field = fields.clouds(16, 64, chance(), (fall, fall))
        return float((field[:, 1:] - field[:, :-1]).square().mean())

    assert roughness(0.2) > 2 * roughness(1.5) > 4 * roughness(3.0)


def test_softening_keeps_the_mean_of_what_is_flat_and_takes_from_a_point():
    flat = torch.full((1, 32, 32), 0.3)
    assert torch.allclose(fields.softened(flat, 2.0), flat, atol=1e-5)
    point = torch.zeros(1, 33, 33)
    point[0, 16, 16] = 1
    soft = fields.softened(point, 2.0)
    assert soft[0, 16, 16] < 0.1 and abs(float(soft.sum()) - 1) < 1e-3


@pytest.mark.parametrize("seed", range(10))
def test_an_outline_has_an_inside_and_an_outside(seed):
    far = outline(4, 96, chance(seed), (0.3, 0.4))
    assert (far.amin((1, 2)) < 0).all() and (far.amax((1, 2)) > 0).all()


def test_a_stroke_is_thin_and_reaches_1():
    drawn = stroke(8, 128, chance(), (0.01, 0.02))
    assert drawn.amax((1, 2)).max() > 0.9
    assert ((drawn > 0.5).float().mean((1, 2)) < 0.1).all()


def test_a_flat_relief_is_evenly_lit():
    assert torch.allclose(lit(torch.zeros(4, 16, 16), chance()), torch.ones(4, 16, 16), atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_a_blemish_changes_a_part_of_most_pictures(seed):
    plain = torch.full((16, 3, 64, 64), 0.5)
    changed = (blemishes.blemished(plain, chance(seed)) - plain).abs().amax(1) > 0.02
    touched = changed.flatten(1).any(1)
    assert 4 <= touched.sum() <= 16
    assert not changed.flatten(1).all(1).any()
