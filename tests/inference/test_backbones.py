import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from inference.backbones import builtin, open_backbone, restore, source
from inference.backbones.pupil import Pupil
from inference.zoo import UnknownName
from tests.inference import tinymodels
from tests.inference.pictures import batch


@pytest.mark.parametrize("side", [64, 72, 128])
def test_the_builtin_backbone_has_strides_8_and_16(side):
    network = open_backbone("builtin")
    coarse = -(-side // 16)
    assert [tuple(level.shape) for level in network.levels(batch(side))] == [
        (2, 32, side // 8, side // 8),
        (2, 96, coarse, coarse),
    ]
    assert network.extract(batch(side)).shape == (2, network.channels, side // 8, side // 8)


def test_the_builtin_backbone_is_small():
    assert builtin.WEIGHTS.stat().st_size <= 4_000_000
    state = load_file(builtin.WEIGHTS)
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    assert sum(parameter.numel() for parameter in Pupil().parameters()) <= 1_000_000


def test_the_shipped_weights_say_how_they_came_about():
    with safe_open(builtin.WEIGHTS, "pt") as file:
        about = json.loads(file.metadata()["andon"])
    assert about["licence"] == "Apache-2.0"
    assert about["steps"] > 1_000 and about["seed"] >= 0


@pytest.mark.parametrize("name", ["builtin", "builtin:filters"])
def test_bytes_and_fractions_are_the_same_picture(name):
    network = open_backbone(name)
    of_bytes, of_fractions = network.extract(batch()), network.extract(batch().float() / 255)
    assert torch.allclose(of_bytes, of_fractions, atol=1e-5)


def test_plain_brightness_moves_only_the_colour_means_of_the_filters():
    network = open_backbone("builtin:filters")
    dark, light = (
        torch.full((1, 3, 64, 64), 60, dtype=torch.uint8),
        torch.full((1, 3, 64, 64), 190, dtype=torch.uint8),
    )
    moved = (network.extract(light) - network.extract(dark)).abs().amax(dim=(0, 2, 3)) > 1e-3
    assert moved.any() and moved[6:].sum() == 0


@pytest.mark.parametrize("name", ["builtin", "builtin:filters"])
def test_what_is_built_in_answers_to_direction(name):
    network = open_backbone(name)
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::4] = 1
    upright, lying = network.extract(stripes), network.extract(stripes.transpose(2, 3))
    assert (upright - lying).abs().max() > 0.05


def test_the_builtin_backbone_is_as_its_weights_were_learnt():
    """Folding the normalisations changes nothing but rounding."""
    pupil = Pupil().eval()
    pupil.load_state_dict(
        {k: v.float() for k, v in load_file(builtin.WEIGHTS).items()}, strict=False
    )
    with torch.no_grad():
        expected = pupil(2 * batch().float() / 255 - 1)
    for level, one in zip(open_backbone("builtin").levels(batch()), expected, strict=True):
        assert (level - one).norm() <= 1e-3 * one.norm()


def test_weights_of_ones_own_can_be_named(tmp_path):
    file = tmp_path / "own.safetensors"
    save_file(Pupil().state_dict(), file)
    own, shipped = open_backbone(f"builtin:{file}"), open_backbone("builtin")
    assert not torch.allclose(own.extract(batch()), shipped.extract(batch()))
    again = restore(own.spec, own.weights())
    assert torch.equal(own.extract(batch()), again.extract(batch()))


@pytest.mark.real
def test_the_trained_backbone_has_strides_8_16_and_32_on_one_grid(trained):
    network = open_backbone(trained)
    assert [tuple(level.shape) for level in network.levels(batch())] == [
        (2, 32, 8, 8),
        (2, 96, 4, 4),
        (2, 320, 2, 2),
    ]
    assert network.extract(batch()).shape == (2, 448, 8, 8)
    assert network.channels == 448


@pytest.mark.real
def test_fewer_strides_can_be_asked_for(trained):
    network = open_backbone(f"{trained}?strides=8,16")
    assert [level.shape[1] for level in network.levels(batch())] == [32, 96]
    again = restore(network.spec, network.weights())
    assert torch.equal(network.extract(batch()), again.extract(batch()))
    before = {k: v for k, v in network.spec.items() if k != "strides"}  # of version 0.1
    assert torch.equal(
        network.extract(batch()), restore(before, network.weights()).extract(batch())
    )


@pytest.mark.real
def test_weights_and_spec_rebuild_the_same_backbone(trained):
    network = open_backbone(trained)
    again = restore(network.spec, network.weights())
    assert torch.equal(network.extract(batch()), again.extract(batch()))
    assert sum(value.nbytes for value in network.weights().values()) < 5_000_000


@pytest.mark.parametrize("name", ["builtin", "builtin:filters"])
def test_what_is_built_in_is_restored_from_spec_and_weights(name):
    network = open_backbone(name)
    again = restore(network.spec, network.weights())
    assert torch.equal(network.extract(batch()), again.extract(batch()))


def test_an_artefact_of_before_the_network_was_learnt_keeps_its_filters():
    before = {
        "family": "builtin",
        "name": "builtin",
        "version": 1,
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
    }
    filters = open_backbone("builtin:filters")
    assert torch.equal(restore(before, {}).extract(batch()), filters.extract(batch()))


def test_an_artefact_of_another_builtin_is_refused():
    network = open_backbone("builtin")
    with pytest.raises(UnknownName, match=r"version 0 of the builtin backbone.*fit it anew"):
        restore({**network.spec, "version": 0}, network.weights())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "no backbone named 'nothing'"),
        ("builtin:x", "There is no file x with weights"),
        ("open_clip:ViT-B-32/openai", "python -m inference pull open_clip:ViT-B-32/openai"),
        ("open_clip:ViT-B-32/nothing", "no file 'nothing', and no tag.*openai"),
        ("open_clip:ViT-B-32/openai@nothing", "python -m inference pull open_clip:ViT-B-32"),
        ("open_clip:no-such-model/x", "open_clip has no model named 'no-such-model'"),
        ("open_clip:RN50/openai", "no plain vision transformer: choose one"),
        ("open_clip:ViT-B-16-SigLIP/webli", "no plain vision transformer: choose one"),
        ("open_clip:ViT-B-32/openai?layers=x", "'x' names no layers"),
        ("hf:someone/nothing", "python -m inference pull hf:someone/nothing"),
        ("hf:/no/such/folder", "There is no folder /no/such/folder"),
        ("timm:resnet18@x?strides=8;16", "not a list such as"),
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


def in_the_cache(cache: Path, repository: str, files: Path) -> None:
    """Put files where the hub's client would have put them."""
    place = cache / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("abc")
    shutil.copytree(files, place / "snapshots" / "abc")


def opened_without_a_network(name: str, cache: Path) -> str:
    """In a process of its own: where the cache lies is read once, when the program begins."""
    code = (
        "import socket; socket.socket.connect = socket.getaddrinfo = None\n"
        "from inference.backbones import open_backbone\n"
        f"print(open_backbone({name!r}).spec['name'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={"HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
    )
    return done.stdout.strip() or done.stderr


def test_what_is_in_the_hubs_cache_needs_no_file_and_no_network(tmp_path):
    tinymodels.hf(tmp_path, "dinov2")
    in_the_cache(tmp_path / "hub", "someone/tiny", tmp_path / "dinov2")
    found = opened_without_a_network("hf:someone/tiny", tmp_path / "hub")
    assert found == "hf:someone/tiny"


def test_a_timm_model_in_the_hubs_cache_needs_no_file_and_no_network(tmp_path):
    network = timm.create_model("test_resnet", pretrained=False)
    (tmp_path / "timm").mkdir()
    save_file(network.state_dict(), tmp_path / "timm" / "model.safetensors")
    repository = timm.get_pretrained_cfg("test_resnet").hf_hub_id
    in_the_cache(tmp_path / "hub", repository, tmp_path / "timm")
    found = opened_without_a_network("timm:test_resnet", tmp_path / "hub")
    assert found == "timm:test_resnet"


@pytest.mark.parametrize(
    ("name", "ends", "licence"),
    [
        ("open_clip:ViT-B-16/openai", "open_clip_model.safetensors", "mit"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "open_clip_model.safetensors", "mit"),
        ("hf:facebook/dinov2-small", "facebook/dinov2-small/resolve/main/model.safetensors", "apa"),
        ("hf:someone/else", "model.safetensors", "not stated"),
    ],
)
def test_every_family_says_where_its_weights_are(name, ends, licence):
    found = source(name)
    assert found.url.endswith(ends) and found.licence.startswith(licence)
    assert all(url.startswith("https://huggingface.co/") for url in found.urls)
    assert len(found.urls) == (3 if name.startswith("hf:") else 1)


@pytest.mark.parametrize("name", ["open_clip:ViT-B-16/nothing", "open_clip:x", "hf:dinov2"])
def test_what_is_not_published_cannot_be_fetched(name):
    with pytest.raises(UnknownName, match="no weights to fetch"):
        source(name)


def test_a_family_is_imported_when_it_is_asked_for():
    code = (
        "import sys; from inference.backbones import open_backbone; open_backbone('builtin');"
        "print(*(m for m in ('timm', 'open_clip', 'transformers') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "" and done.returncode == 0, done.stderr
