import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from inference.backbones import open_backbone, restore, source
from inference.zoo import UnknownName
from tests.inference.pictures import WEIGHTS


@pytest.fixture(scope="module")
def trained() -> str:
    if not WEIGHTS.is_file():
        pytest.skip("no trained backbone on this machine")
    return f"timm:mobilenetv2_100@{WEIGHTS}"


def batch(side: int = 64, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("side", [64, 72, 128])
def test_the_builtin_backbone_gives_a_stride_8_grid(side):
    network = open_backbone("builtin")
    assert network.extract(batch(side)).shape == (2, network.channels, side // 8, side // 8)


def test_bytes_and_fractions_are_the_same_picture():
    network = open_backbone("builtin")
    assert torch.allclose(network.extract(batch()), network.extract(batch().float() / 255))


def test_plain_brightness_moves_only_the_colour_means_of_builtin():
    network = open_backbone("builtin")
    dark, light = (
        torch.full((1, 3, 64, 64), 60, dtype=torch.uint8),
        torch.full((1, 3, 64, 64), 190, dtype=torch.uint8),
    )
    moved = (network.extract(light) - network.extract(dark)).abs().amax(dim=(0, 2, 3)) > 1e-3
    assert moved.any() and moved[6:].sum() == 0


def test_builtin_answers_to_direction():
    network = open_backbone("builtin")
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::4] = 1
    upright, lying = network.extract(stripes), network.extract(stripes.transpose(2, 3))
    assert (upright - lying).abs().max() > 0.05


@pytest.mark.real
def test_the_trained_backbone_has_strides_8_and_16_on_one_grid(trained):
    network = open_backbone(trained)
    assert [tuple(level.shape) for level in network.levels(batch())] == [
        (2, 32, 8, 8),
        (2, 96, 4, 4),
    ]
    assert network.extract(batch()).shape == (2, 128, 8, 8)
    assert network.channels == 128


@pytest.mark.real
def test_weights_and_spec_rebuild_the_same_backbone(trained):
    network = open_backbone(trained)
    again = restore(network.spec, network.weights())
    assert torch.equal(network.extract(batch()), again.extract(batch()))
    assert sum(value.nbytes for value in network.weights().values()) < 2_000_000


def test_the_builtin_backbone_is_restored_from_its_spec():
    network = open_backbone("builtin")
    again = restore(network.spec, network.weights())
    assert torch.equal(network.extract(batch()), again.extract(batch()))


def test_an_artefact_of_other_builtin_filters_is_refused():
    network = open_backbone("builtin")
    with pytest.raises(UnknownName, match=r"version 0 of the builtin backbone.*fit it anew"):
        restore({**network.spec, "version": 0}, network.weights())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "no backbone named 'nothing'"),
        ("open_clip:ViT-B-32/openai", "no backbone named"),
        ("timm:no_such_model@x", "timm has no model named 'no_such_model'"),
        ("timm:resnet18", "never downloads.*python -m inference pull timm:resnet18"),
        ("timm:resnet18@nowhere.safetensors", "There is no file nowhere.safetensors"),
    ],
)
def test_a_backbone_that_cannot_be_opened_says_what_to_do(name, says):
    with pytest.raises(UnknownName, match=says):
        open_backbone(name)


def test_weights_of_another_model_are_refused(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file({"conv_stem.weight": torch.zeros(32, 3, 3, 3)}, file)
    with pytest.raises(UnknownName, match="do not belong to mobilenetv2_100"):
        open_backbone(f"timm:mobilenetv2_100@{file}")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    file = tmp_path / "w.safetensors"
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(file, "PNG")
    with pytest.raises(UnknownName, match="not a safetensors file"):
        open_backbone(f"timm:mobilenetv2_100@{file}")


def test_a_model_without_feature_maps_is_refused(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file({"x": torch.zeros(1)}, file)
    with pytest.raises(UnknownName, match="gives no feature maps"):
        open_backbone(f"timm:mixer_s16_224@{file}")


def test_published_weights_have_an_address_and_a_licence():
    found = source("timm:mobilenetv2_100")
    assert found.url.startswith("https://") and found.licence == "apache-2.0"
    with pytest.raises(UnknownName, match="no weights to fetch"):
        source("builtin")
