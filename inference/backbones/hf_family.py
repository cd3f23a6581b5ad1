"""``hf:<id or folder>``: DINOv2, DINOv3 and SigLIP. The one file here that knows transformers.

A folder holds config.json, preprocessor_config.json and model.safetensors, as the model hub lays
them out; an id is looked up in the hub's local cache. Blocks behind the last one looked at are
left out, and so is everything of a model that is not vision.

Tokens of each block pass the model's last normalisation, as DINOv2's authors give intermediate
layers out (Oquab et al. 2023, arXiv 2304.07193).
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers.utils import logging as noise

from inference.backbones import layers
from inference.backbones.backbone import NOT_STATED, Backbone, Source, Tensors, half
from inference.backbones.grids import as_grid, whole_patches
from inference.backbones.weightfiles import cached, fill
from inference.zoo import UnknownName

CONFIG, EYES, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"

# Published terms, by the beginning of an id; what is not listed has to be asked for.
LICENCES = {
    "facebook/dinov2": "apache-2.0",
    "facebook/dinov3": "dinov3-license (not free for every use)",
    "google/siglip": "apache-2.0",
}

# Of the machine and the file, or of outputs that are not asked for here.
_PASSING = {
    *("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"),
    *("out_features", "out_indices", "stage_names", "_out_features", "_out_indices"),
}


@dataclass(frozen=True)
class Kind:
    """How to walk through one sort of model: tokens in, blocks, normalisation."""

    model: str  # class in transformers
    start: Callable[[Any, Tensor], Tensor]
    blocks: Callable[[Any], Any]
    norm: Callable[[Any], Any]
    beside: Callable[[Any, Tensor], dict[str, Any]] = lambda _model, _values: {}


def _siglip_start(model: Any, values: Tensor) -> Tensor:
    found: Tensor = model.embeddings(values, interpolate_pos_encoding=True)
    return found


def _siglip2_start(model: Any, values: Tensor) -> Tensor:
    """This one takes the pixels of each patch as a row, and is told the grid."""
    side = model.config.patch_size
    height, width = values.shape[2] // side, values.shape[3] // side
    cut = values.reshape(len(values), 3, height, side, width, side)
    rows = cut.permute(0, 2, 4, 3, 5, 1).reshape(len(values), height * width, -1)
    shapes = torch.tensor([[height, width]] * len(values))
    found: Tensor = model.embeddings(rows, shapes)
    return found


def _dino(model: str) -> Kind:
    return Kind(
        model,
        start=lambda net, values: net.embeddings(values),
        blocks=lambda net: net.encoder.layer,
        norm=lambda net: net.layernorm,
    )


def _siglip(model: str, start: Callable[[Any, Tensor], Tensor]) -> Kind:
    return Kind(
        model,
        start=start,
        blocks=lambda net: net.encoder.layers,
        norm=lambda net: net.post_layernorm,
        beside=lambda _net, _values: {"attention_mask": None},
    )


KINDS = {
    "dinov2": _dino("Dinov2Model"),
    "dinov2_with_registers": _dino("Dinov2WithRegistersModel"),
    "dinov3_vit": Kind(
        "DINOv3ViTModel",
        start=lambda net, values: net.embeddings(values),
        blocks=lambda net: net.model.layer,
        norm=lambda net: net.norm,
        beside=lambda net, values: {"position_embeddings": net.rope_embeddings(values)},
    ),
    "siglip_vision_model": _siglip("SiglipVisionModel", _siglip_start),
    "siglip2_vision_model": _siglip("Siglip2VisionModel", _siglip2_start),
}


class Sight(nn.Module):
    """Normalised (B, 3, H, W) to one (B, C, h, w) a block, for pictures of any size."""

    def __init__(self, model: Any, kind: Kind, blocks: list[int]) -> None:
        super().__init__()
        self.model = model
        self.kind = kind
        self.blocks = blocks

    def forward(self, values: Tensor) -> list[Tensor]:
        side = self.model.config.patch_size
        values = whole_patches(values, side)
        grid = (values.shape[2] // side, values.shape[3] // side)
        tokens = self.kind.start(self.model, values)
        beside = self.kind.beside(self.model, values)
        found = []
        for number, block in enumerate(self.kind.blocks(self.model), start=1):
            tokens = block(tokens, **beside)
            if number in self.blocks:
                found.append(as_grid(self.kind.norm(self.model)(tokens), grid))
        return found


def opened(rest: str) -> Backbone:
    """The backbone of an id or folder; UnknownName says what is wrong."""
    name, wish = layers.split(rest)
    folder = _folder(name)
    facts, eyes = _json(folder / CONFIG), _json(folder / EYES)
    kind, config = _vision(facts, name)
    chosen = layers.chosen(config["num_hidden_layers"], wish)
    spec = {
        "family": "hf",
        "name": f"hf:{folder.name if Path(name).is_dir() else name}",
        "kind": kind,
        "config": {**config, "num_hidden_layers": chosen[-1], "vision_use_head": False},
        "layers": list(chosen),
        "mean": list(eyes.get("image_mean", [0.5] * 3)),
        "std": list(eyes.get("image_std", [0.5] * 3)),
    }
    return _wrapped(spec, _loaded(spec, folder))


def restored(spec: dict[str, Any], tensors: Tensors) -> Backbone:
    found = _wrapped(spec, _model_class(spec)(_config(spec)))
    state = {name: torch.from_numpy(value) for name, value in tensors.items()}
    fill(found.network, state, spec["name"])
    return found


def source(rest: str) -> Source:
    """Of an ``<id>`` on the hub, owner/name."""
    if rest.count("/") != 1 or Path(rest).exists():
        raise UnknownName(
            f"There are no weights to fetch for 'hf:{rest}': name it hf:<owner>/<model>."
        )
    licence = next((terms for start, terms in LICENCES.items() if rest.startswith(start)), None)
    root = f"https://huggingface.co/{rest}/resolve/main"
    return Source(
        tuple(f"{root}/{file}" for file in (CONFIG, EYES, WEIGHTS)), licence or NOT_STATED
    )


def _folder(name: str) -> Path:
    """Where the files lie: the folder itself, or the snapshot in the hub's cache."""
    if Path(name).is_dir():
        return Path(name)
    found = cached(name, CONFIG) if name.count("/") == 1 and not name.startswith("/") else None
    if found is None:
        raise UnknownName(
            f"There is no folder {name} and no model of that id on this machine, and judging never "
            f"downloads: fetch it with `python -m inference pull hf:{name}`."
        )
    return found.parent


def _json(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UnknownName(f"{file} is missing or no JSON: fetch the model anew.") from error
    return found


def _vision(facts: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    """Sort of model and its plain config, the vision part if it has more than one."""
    kind = str(facts.get("model_type"))
    part = facts.get("vision_config", facts)
    if kind in ("siglip", "siglip2"):
        kind = f"{kind}_vision_model"
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise UnknownName(f"hf:{name} is of the sort {kind!r}: known are {known}.")
    whole = _model_class({"kind": kind}).config_class.from_dict(part).to_dict()
    return kind, {key: value for key, value in whole.items() if key not in _PASSING}


def _model_class(spec: dict[str, Any]) -> Any:
    return getattr(transformers, KINDS[spec["kind"]].model)


def _config(spec: dict[str, Any]) -> Any:
    return _model_class(spec).config_class.from_dict(spec["config"])


def _loaded(spec: dict[str, Any], folder: Path) -> Any:
    """The model with the folder's weights; local files only, and no pickle."""
    try:
        with _quiet():
            model, told = _model_class(spec).from_pretrained(
                folder,
                config=_config(spec),
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UnknownName(f"{folder} holds no {WEIGHTS} that fits its {CONFIG}.") from error
    missing = sorted(told["missing_keys"])
    if missing:
        raise UnknownName(
            f"The weights do not belong to {spec['name']}: {missing[0]} and "
            f"{len(missing) - 1} more are missing."
        )
    return model


def _wrapped(spec: dict[str, Any], model: Any) -> Backbone:
    sight = Sight(model, KINDS[spec["kind"]], spec["layers"])
    sight.load_state_dict({k: half(v).to(v.dtype) for k, v in sight.state_dict().items()})
    return Backbone(spec, sight, len(spec["layers"]) * model.config.hidden_size)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the list of the weights that are left out on purpose."""
    before = noise.get_verbosity()
    noise.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        noise.set_verbosity(before)
