"""``open_clip:<model>/<tag or file>``: pictures and text in one space. Alone it knows open_clip.

A tag (``ViT-B-16/openai``) is looked up in the model hub's cache, or its weights are named behind
an @ (``ViT-B-16/openai@FILE``); a file alone (``ViT-B-16/FILE``) takes the preprocessing that the
model's published weights share. Only plain vision transformers: others have no patch tokens that
could be compared with text.

Patch tokens of a block pass the last normalisation and the projection of the class token into the
joint space (Chen et al. 2023, arXiv 2305.17382, who train that projection anew; here CLIP's own).
"""

import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.factory import load_state_dict
from open_clip.transformer import VisionTransformer
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from inference.backbones import layers
from inference.backbones.backbone import NOT_STATED, Backbone, Source, Tensors, half
from inference.backbones.grids import as_grid, resampled, whole_patches
from inference.backbones.weightfiles import cached, fill, needed
from inference.zoo import UnknownName

FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # of a hub repository
SENTENCES = 64  # to a forward pass

# Published terms, by the beginning of a tag; what is not listed has to be asked for.
LICENCES = {"openai": "mit", "laion": "mit", "datacomp": "mit"}

# Towers that are built only because open_clip builds both: as small as can be.
_NO_TEXT = {"context_length": 1, "vocab_size": 1, "width": 64, "heads": 1, "layers": 1}
_NO_SIGHT = {"image_size": 32, "patch_size": 32, "width": 64, "layers": 1}


@dataclass(frozen=True, eq=False)
class Seen:
    """``levels``: (B, h, w, C) a layer; ``joint``: the same in text's space, unit (B, h, w, D).

    ``picture``: unit (B, D), the embedding of each picture as a whole.
    """

    levels: list[Tensor]
    joint: list[Tensor]
    picture: Tensor


class Sight(nn.Module):
    """A vision transformer for pictures of any size, with the patch tokens of chosen blocks."""

    def __init__(self, tower: Any, blocks: Sequence[int]) -> None:
        super().__init__()
        self.tower = tower
        self.blocks = tuple(blocks)

    def forward(self, values: Tensor) -> list[Tensor]:
        """Normalised (B, 3, H, W) to one (B, C, h, w) a block."""
        found, grid = self.tokens(values)
        return [as_grid(tokens, grid) for tokens in found[:-1]]

    def tokens(self, values: Tensor) -> tuple[list[Tensor], tuple[int, int]]:
        """(B, 1 + h * w, C) of each block, normalised, and of the last; and the grid (h, w)."""
        patches = self.tower.conv1(whole_patches(values, self.tower.conv1.kernel_size[0]))
        grid = (int(patches.shape[2]), int(patches.shape[3]))
        first = self.tower.class_embedding.expand(len(patches), 1, -1)
        whole = torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1)
        start = self.tower.ln_pre(whole + self._positions(grid))
        places = [block - 1 for block in self.blocks]
        last, between = self.tower.transformer.forward_intermediates(start, indices=places)
        return [self.tower.ln_post(tokens) for tokens in [*between, last]], grid

    def whole(self, tokens: Tensor) -> Tensor:
        """Unit (B, D) of a picture, from the last block's tokens (B, 1 + h * w, C)."""
        pooled = tokens[:, 1:].mean(dim=1) if self.tower.pool_type == "avg" else tokens[:, 0]
        return functional.normalize(pooled @ self.tower.proj, dim=-1)

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        own = self.tower.positional_embedding
        if grid == tuple(self.tower.grid_size):
            return own  # type: ignore[no-any-return]
        return torch.cat([own[:1], resampled(own[1:], tuple(self.tower.grid_size), grid)])


class ClipBackbone(Backbone):
    """Also a plain backbone: its ``levels`` are patch tokens before the joint space."""

    @torch.inference_mode()
    def see(self, batch: Tensor) -> Seen:
        """(B, 3, H, W), uint8 or float 0..1, in one forward pass."""
        sight: Any = self.network
        tokens, grid = sight.tokens(self.normalised(batch))
        levels = [as_grid(one, grid).permute(0, 2, 3, 1) for one in tokens[:-1]]
        joint = [functional.normalize(level @ sight.tower.proj, dim=-1) for level in levels]
        return Seen(levels, joint, sight.whole(tokens[-1]))

    def encode_image(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, S, S, 3) to unit float32 (N, D), each crop as a whole."""
        pixels = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2)
        return np.asarray(self.see(pixels).picture.numpy(force=True), np.float32)


class TextTower(nn.Module):
    """Sentences to the joint space. Needed to make a text bank, never to judge."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.eval().requires_grad_(False)

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Unit float32 (n, D); what a sentence has beyond the model's length (77 tokens) falls."""
        if not sentences:
            raise ValueError("a text bank needs at least one sentence")
        place = self.model.logit_scale.device
        steps = range(0, len(sentences), SENTENCES)
        rows = [self.tokenizer(list(sentences[start : start + SENTENCES])) for start in steps]
        return torch.cat([self.model.encode_text(r.to(place), normalize=True) for r in rows])


@dataclass(frozen=True, eq=False)
class VisionLanguage:
    """Both sides of one model; ``temperature`` divides their cosines before a softmax."""

    sight: ClipBackbone
    text: TextTower
    temperature: float


def opened(rest: str) -> ClipBackbone:
    """The vision side of ``<model>/<tag or file>``; UnknownName says what is wrong."""
    return _sight(*_found(rest))


def open_pair(name: str) -> VisionLanguage:
    """Both sides of an ``open_clip:`` name; UnknownName if it is another family's."""
    family, _, rest = name.partition(":")
    if family != "open_clip":
        raise UnknownName(
            f"{name!r} knows no text: name a backbone open_clip:<model>/<tag or file>."
        )
    spec, state = _found(rest)
    text = _text(spec, state)
    return VisionLanguage(_sight(spec, state), text, float(1 / state["logit_scale"].float().exp()))


def restored(spec: dict[str, Any], tensors: Tensors) -> ClipBackbone:
    """From an artefact: no file and no name of open_clip's registry is needed."""
    sight = Sight(_tower(spec["config"], spec["model"]), spec["layers"])
    fill(sight, {name: torch.from_numpy(value) for name, value in tensors.items()}, spec["model"])
    return ClipBackbone(spec, sight, len(spec["layers"]) * sight.tower.conv1.out_channels)


def source(rest: str) -> Source:
    """Of a ``<model>/<tag>``; UnknownName if nothing is published for it."""
    model, _, tag = rest.partition("/")
    facts = open_clip.get_pretrained_cfg(model, tag)
    licence = next((terms for start, terms in LICENCES.items() if tag.startswith(start)), None)
    hub = facts.get("hf_hub", "")
    if not hub:
        raise UnknownName(
            f"There are no weights to fetch for 'open_clip:{rest}': name it "
            "open_clip:<model>/<tag>, for example open_clip:ViT-B-16/openai."
        )
    repository, _, file = hub.rpartition("/")
    url = f"https://huggingface.co/{repository}/resolve/main/{file or FILES[0]}"
    return Source((url,), licence or NOT_STATED)


def _found(rest: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Spec and all weights of a name."""
    plain, wish = layers.split(rest)
    model, _, what = plain.partition("/")
    config = open_clip.get_model_config(model) if model in open_clip.list_models() else None
    if config is None:
        raise UnknownName(f"open_clip has no model named {model!r}.")
    _refuse_other_towers(config, model)
    tag, file = _tag_and_file(model, what)
    facts = open_clip.get_pretrained_cfg(model, tag) or _shared(model)
    spec = {
        "family": "open_clip",
        "name": f"open_clip:{model}/{tag or file.name}",
        "model": model,
        "config": _vision(config, bool(facts.get("quick_gelu"))),
        "layers": list(layers.chosen(config["vision_cfg"]["layers"], wish)),
        "mean": list(facts["mean"]),
        "std": list(facts["std"]),
    }
    return spec, _weights(file, model)


def _tag_and_file(model: str, what: str) -> tuple[str, Path]:
    """The tag ("" if only a file is named) and where its weights lie."""
    tag, _, file = what.partition("@")
    if not open_clip.get_pretrained_cfg(model, tag):
        path = Path(what)
        if path.is_file():
            return "", path
        raise UnknownName(
            f"open_clip:{model} needs its weights: there is no file {what!r}, and no tag of that "
            f"name; tags are {_listed(open_clip.list_pretrained_tags_by_model(model))}."
        )
    hub = str(open_clip.get_pretrained_cfg(model, tag).get("hf_hub", ""))
    repository, _, name = hub.rpartition("/")
    found = Path(file) if file else cached(repository, *([name] if name else FILES))
    if found is None or not found.is_file():
        raise UnknownName(
            f"The weights of open_clip:{model}/{tag} are not on this machine, and judging never "
            f"downloads: fetch them with `python -m inference pull open_clip:{model}/{tag}`."
        )
    return tag, found


def _listed(tags: Sequence[str]) -> str:
    return ", ".join(tags) or "not published for this model"


def _shared(model: str) -> dict[str, Any]:
    """The preprocessing most published weights of the model share; OpenAI's if there are none."""
    tags = open_clip.list_pretrained_tags_by_model(model)
    facts = [open_clip.get_pretrained_cfg(model, tag) for tag in tags]
    votes = Counter((tuple(fact["mean"]), tuple(fact["std"])) for fact in facts)
    plain = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    mean, std = votes.most_common(1)[0][0] if votes else plain
    return {"mean": mean, "std": std}


def _refuse_other_towers(config: dict[str, Any], model: str) -> None:
    sight = config["vision_cfg"]
    odd = sight.get("timm_model_name") or sight.get("attentional_pool")
    if odd or isinstance(sight["layers"], list):
        raise UnknownName(
            f"open_clip:{model} is no plain vision transformer: "
            "choose one, for example open_clip:ViT-B-16/openai."
        )


def _vision(config: dict[str, Any], quick_gelu: bool) -> dict[str, Any]:
    """What rebuilds the vision side alone."""
    return {
        "embed_dim": config["embed_dim"],
        "vision_cfg": config["vision_cfg"],
        "quick_gelu": quick_gelu or bool(config.get("quick_gelu")),
    }


def _weights(file: Path, model: str) -> dict[str, Tensor]:
    """All weights, floats as float16; never unpickles more than tensors."""
    try:
        state: Mapping[str, Tensor] = load_state_dict(str(file), weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UnknownName(
            f"{file} holds no plain weights: give a .safetensors file, "
            "or one that torch.save wrote of tensors alone."
        ) from error
    if "logit_scale" not in state or "visual.conv1.weight" not in state:
        raise UnknownName(f"The weights in {file.name} do not belong to {model}.")
    return {name: half(value) for name, value in state.items()}


def _sight(spec: dict[str, Any], state: Mapping[str, Tensor]) -> ClipBackbone:
    start = "visual."
    own = {n.removeprefix(start): v for n, v in state.items() if n.startswith(start)}
    tower = _tower(spec["config"], spec["model"])
    fill(tower, needed(tower, own, spec["model"]), spec["model"])
    channels = len(spec["layers"]) * tower.conv1.out_channels
    return ClipBackbone(spec, Sight(tower, spec["layers"]), channels)


def _tower(config: dict[str, Any], model: str) -> Any:
    tower = open_clip.CLIP(text_cfg=_NO_TEXT, **config).visual
    if not isinstance(tower, VisionTransformer):
        raise UnknownName(f"open_clip:{model} is no plain vision transformer.")
    return tower


def _text(spec: dict[str, Any], state: Mapping[str, Tensor]) -> TextTower:
    model, quick = spec["model"], spec["config"]["quick_gelu"]
    config = open_clip.get_model_config(model)
    words = config["text_cfg"]
    if words.get("hf_model_name") or words.get("hf_tokenizer_name"):
        raise UnknownName(
            f"The text side of open_clip:{model} needs files of another model: "
            "choose one with CLIP's own, for example open_clip:ViT-B-16/openai."
        )
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    both = kind(config["embed_dim"], _NO_SIGHT, words, quick_gelu=quick)
    both.visual = nn.Identity()
    fill(both, needed(both, state, model), model)
    tokenizer = open_clip.SimpleTokenizer(
        context_length=words.get("context_length", 77), **words.get("tokenizer_kwargs", {})
    )
    return TextTower(both, tokenizer)
