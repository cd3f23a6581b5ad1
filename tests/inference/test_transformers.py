import json

import numpy as np
import open_clip
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from inference.backbones import open_backbone, restore
from inference.backbones.clip_family import open_pair
from inference.detectors.memory import Memory
from inference.zoo import UnknownName
from tests.inference import tinymodels
from tests.inference.pictures import batch, picture, png, scratched, texture


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
