import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from inference.backbones import open_backbone, restore, source
from inference.backbones.clip_family import open_pair
from inference.backbones.folding import folded
from inference.backbones.precision import TOLERANCE, answers, enough_for, noise
from inference.detectors.memory import Memory
from inference.zoo import UnknownName
from tests.inference import tinymodels
from tests.inference.pictures import WEIGHTS, picture, png, scratched, texture


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
        ("builtin:x", "builtin takes no model"),
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


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    return tinymodels.clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module", params=["open_clip", *tinymodels.HF])
def transformer(request, tmp_path_factory) -> str:
    """A backbone name: a tiny vision transformer with four blocks of each sort there is."""
    folder = tmp_path_factory.mktemp("transformer")
    if request.param == "open_clip":
        return tinymodels.clip(folder)
    return tinymodels.hf(folder, request.param)


def test_a_vision_transformer_gives_four_layers_on_one_grid(transformer):
    network = open_backbone(transformer)
    shapes = {tuple(level.shape[2:]) for level in network.levels(batch(112))}
    assert len(network.levels(batch(112))) == 4 and len(shapes) == 1
    assert shapes in ({(7, 7)}, {(8, 8)})
    found = network.extract(batch(112))
    assert found.dtype == torch.float32 and found.shape[1] == network.channels
    assert torch.isfinite(found).all()
    assert torch.equal(found, open_backbone(transformer).extract(batch(112)))


def test_a_vision_transformer_sees_pictures_of_any_size(transformer):
    network = open_backbone(transformer)
    for side, grids in ((64, {4}), (224, {14, 16}), (100, {6, 7})):
        level = network.levels(batch(side, 1))[0]
        assert level.shape[2] == level.shape[3] and level.shape[2] in grids
    wide = batch(224, 1)[:, :, :112]
    assert network.levels(wide)[0].shape[2:] in ((7, 14), (8, 16))


def test_layers_can_be_chosen(transformer):
    every, two = open_backbone(transformer), open_backbone(f"{transformer}?layers=4,2")
    wanted = [every.levels(batch())[number] for number in (1, 3)]
    for one, other in zip(two.levels(batch()), wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    with pytest.raises(UnknownName, match="layers 1 to 4"):
        open_backbone(f"{transformer}?layers=5")


def test_an_artefact_rebuilds_a_vision_transformer_without_its_files(transformer, tmp_path):
    network = open_backbone(f"{transformer}?layers=1,3")
    spec = json.loads(json.dumps(network.spec, sort_keys=True))
    again = restore(spec, network.weights())
    assert torch.equal(network.extract(batch(96)), again.extract(batch(96)))
    assert {value.dtype for value in network.weights().values()} == {np.dtype(np.float16)}
    assert "/tmp" not in json.dumps(spec) and "pytest" not in json.dumps(spec)


def test_blocks_behind_the_last_layer_are_left_out(tmp_path):
    whole = open_backbone(tinymodels.hf(tmp_path, "dinov2"))
    less = open_backbone(f"hf:{tmp_path / 'dinov2'}?layers=2")
    assert sum(v.nbytes for v in less.weights().values()) < 0.7 * sum(
        v.nbytes for v in whole.weights().values()
    )


@pytest.mark.parametrize("kind", ["dinov2", "dinov2_with_registers", "dinov3_vit"])
def test_the_last_layer_is_what_the_model_itself_gives(tmp_path, kind):
    network = open_backbone(tinymodels.hf(tmp_path, kind))
    own = tinymodels.HF[kind][1].from_pretrained(tmp_path / kind).eval()
    own.load_state_dict({n: v.half().float() for n, v in own.state_dict().items()})
    with torch.inference_mode():
        tokens = own(network.normalised(batch(112))).last_hidden_state
    level = network.levels(batch(112))[-1]
    extra = tokens.shape[1] - level.shape[2] * level.shape[3]
    assert extra == 1 + getattr(own.config, "num_register_tokens", 0)
    patches = tokens[:, extra:].transpose(1, 2).reshape(level.shape)
    assert torch.allclose(level, patches, atol=1e-4)


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_the_last_layer_of_a_siglip_is_what_it_itself_gives(tmp_path, kind):
    network = open_backbone(tinymodels.hf(tmp_path, kind))
    own = tinymodels.HF[kind][1].from_pretrained(tmp_path / kind).eval()
    own.load_state_dict({n: v.half().float() for n, v in own.state_dict().items()})
    values = network.normalised(batch(64))
    with torch.inference_mode():
        if kind == "siglip":
            tokens = own(values).last_hidden_state
        else:
            tokens = own(**rows_of_patches(values)).last_hidden_state
    level = network.levels(batch(64))[-1]
    assert torch.allclose(level, tokens.transpose(1, 2).reshape(level.shape), atol=1e-4)


def rows_of_patches(values: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a SigLIP 2 takes: each patch's pixels in a row, made one by one."""
    rows = [
        [
            one[:, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16].permute(1, 2, 0).flatten()
            for y in range(4)
            for x in range(4)
        ]
        for one in values
    ]
    return {
        "pixel_values": torch.stack([torch.stack(one) for one in rows]),
        "pixel_attention_mask": torch.ones(len(values), 16, dtype=torch.long),
        "spatial_shapes": torch.tensor([[4, 4]] * len(values)),
    }


def test_the_vision_part_of_a_larger_model_is_enough(tmp_path):
    sight = transformers.SiglipVisionConfig(**tinymodels.SIGLIP, image_size=64)
    words = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 32}
    small = {**words, "num_hidden_layers": 1, "num_attention_heads": 2}
    both = transformers.SiglipConfig(vision_config=sight.to_dict(), text_config=small)
    transformers.SiglipModel(both).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    network = open_backbone(f"hf:{tmp_path}")
    assert network.levels(batch())[0].shape == (2, 32, 4, 4)
    assert not any("text" in name for name in network.weights())


def test_the_preprocessing_of_a_folder_is_taken(tmp_path):
    network = open_backbone(tinymodels.hf(tmp_path, "dinov2"))
    grey = torch.full((1, 3, 56, 56), 0.5)
    assert network.normalised(grey)[0, :, 0, 0].tolist() == pytest.approx([0.5, 0, -0.5], abs=1e-6)


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    name = tinymodels.hf(tmp_path, "dinov2")
    folder = tmp_path / "dinov2"
    (folder / "preprocessor_config.json").rename(tmp_path / "eyes")
    with pytest.raises(UnknownName, match=r"preprocessor_config.json is missing"):
        open_backbone(name)
    (tmp_path / "eyes").rename(folder / "preprocessor_config.json")
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(UnknownName, match=r"no model.safetensors that fits"):
        open_backbone(name)
    save_file({"x": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnknownName, match="do not belong to hf:dinov2"):
        open_backbone(name)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UnknownName, match="of the sort 'bert': known are dinov2"):
        open_backbone(name)


def test_a_vision_transformer_can_be_a_memory(transformer, tmp_path):
    pictures = [picture(texture(seed)) for seed in range(4)]
    fitted = Memory.fit(pictures, backbone=transformer, size=64)
    fitted.save(tmp_path / "a")
    again = Memory.load(tmp_path / "a", device="cpu")
    judged, before = again.judge(png(scratched(1))), fitted.judge(png(scratched(1)))
    assert judged.score == pytest.approx(before.score, rel=1e-5)
    assert judged.heatmap.shape == (4, 4)


@pytest.mark.parametrize("quick", [False, True])
def test_a_clip_sees_what_open_clip_sees(tmp_path, quick):
    name = tinymodels.clip(tmp_path, f"tiny-clip-{quick}", quick_gelu=quick)
    pair = open_pair(name)
    own = open_clip.CLIP(**tinymodels.CLIP, quick_gelu=quick).eval()
    state = load_file(name.partition("/")[2])
    own.load_state_dict({name: value.half().float() for name, value in state.items()})
    words = ["a good part", "a part with a deep scratch"]
    with torch.inference_mode():
        seen = own.encode_image(pair.sight.normalised(batch(64)), normalize=True)
        read = own.encode_text(open_clip.tokenize(words), normalize=True)
    assert torch.allclose(pair.sight.see(batch(64)).picture, seen, atol=1e-5)
    assert torch.allclose(pair.text.encode(words), read, atol=1e-5)
    assert pair.temperature == pytest.approx(0.07, rel=1e-2)


def test_patches_and_pictures_and_sentences_are_of_length_one(clip):
    pair = open_pair(f"{clip}?layers=2,4")
    seen = pair.sight.see(batch(96))
    assert [tuple(one.shape) for one in seen.joint] == [(2, 6, 6, 32)] * 2
    assert [tuple(one.shape) for one in seen.levels] == [(2, 6, 6, 64)] * 2
    for vectors in (*seen.joint, seen.picture, pair.text.encode(["a", "b"] * 40)):
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]), atol=1e-5)
    crops = batch(96).permute(0, 2, 3, 1).numpy()
    assert np.allclose(pair.sight.encode_image(crops), seen.picture.numpy(), atol=1e-6)


def test_what_cannot_be_read_has_no_text_side(tmp_path):
    with pytest.raises(UnknownName, match="'builtin' knows no text"):
        open_pair("builtin")
    other = tmp_path / "clip.pt"
    torch.save({"logit_scale": torch.zeros(())}, other)
    with pytest.raises(UnknownName, match="do not belong to ViT-B-32"):
        open_backbone(f"open_clip:ViT-B-32/{other}")
    other.write_bytes(b"no weights")
    with pytest.raises(UnknownName, match="holds no plain weights"):
        open_backbone(f"open_clip:ViT-B-32/{other}")


def test_weights_in_a_pickle_of_tensors_are_taken(clip, tmp_path):
    state = load_file(clip.partition("/")[2])
    torch.save({"state_dict": state}, tmp_path / "clip.pt")
    again = open_backbone(f"open_clip:tiny-clip/{tmp_path / 'clip.pt'}")
    assert torch.equal(again.extract(batch()), open_backbone(clip).extract(batch()))


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


def test_folding_changes_the_work_and_not_the_answer():
    network = timm.create_model("mobilenetv2_100", features_only=True, pretrained=False).eval()
    for norm in (one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    swift = folded(network)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in swift.modules())
    for ours, theirs in zip(swift(batch().float()), network(batch().float()), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3 * float(theirs.abs().max()))


def test_a_network_that_runs_in_another_order_is_left_alone():
    class Backwards(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 1)
            self.norm = torch.nn.BatchNorm2d(3)
            self.norm.running_mean.fill_(2.0)
            self.norm.running_var.fill_(9.0)

        def forward(self, pictures):
            return self.conv(self.norm(pictures))

    network = Backwards().eval()
    assert folded(network) is network


class Scaled(torch.nn.Module):
    """A convolution whose middle is ``scale`` times as large as its answer."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(3, 8, 3, bias=False)
        self.second = torch.nn.Conv2d(8, 8, 3, bias=False)
        self.scale = scale

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(pictures * self.scale)) / self.scale


def difference_of(first: torch.Tensor) -> torch.nn.Module:
    """A network that subtracts nearly equal numbers: few bits leave nothing of it."""

    class Difference(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            weight = first.expand(8, 3, 1, 1)
            return torch.conv2d(pictures, weight * 1.0001) - torch.conv2d(pictures, weight)

    return Difference()


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        (Scaled(1.0), torch.float16),
        (Scaled(1e7), torch.bfloat16),  # beyond the range of float16
        (difference_of(torch.ones(1)), torch.float32),
    ],
)
def test_a_network_computes_in_the_fewest_bits_that_agree_with_all_of_them(network, kind):
    probe = noise(32, torch.device("cpu"))
    assert enough_for(network.eval(), probe) is kind
    exact = answers(network, probe, torch.float32)[0].detach()
    swift = answers(network, probe, kind)[0].detach()
    assert (swift - exact).norm() <= TOLERANCE * exact.norm()


def test_real_features_agree_in_the_bits_that_a_gpu_would_use(trained):
    network = open_backbone(trained)
    pictures = network.normalised(batch(128, 1))
    kind = enough_for(network.network, network.normalised(noise(128, torch.device("cpu"))))
    assert kind is torch.float16
    pairs = zip(
        answers(network.network, pictures, torch.float32),
        answers(network.network, pictures, kind),
        strict=True,
    )
    for exact, swift in pairs:
        assert (swift - exact).norm() <= TOLERANCE * exact.norm()
