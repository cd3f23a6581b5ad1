"""``timm:<model>@<file.safetensors>``: strides 8, 16 and 32 of a CNN. The one file that knows timm.

``?strides=8,16`` behind it chooses others. Without a file the weights are taken from the model hub's cache if they are there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models.efficientnet import EfficientNetFeatures
from torch import Tensor

from inference.backbones.backbone import NOT_STATED, Backbone, Source, Tensors, stored
from inference.backbones.folding import folded
from inference.backbones.weightfiles import cached, fill, needed, read
from inference.zoo import UnknownName

STRIDES = (8, 16, 32)
STRIDES_BEFORE = (8, 16)  # of artefacts of version 0.1, whose spec does not name them

# What the weights at hand need and their model's own config does not say: the TensorFlow
# originals pad like TensorFlow and take inputs of -1 to 1.
TENSORFLOW_LIKE = {"mobilenetv2_100"}


def opened(rest: str) -> Backbone:
    """The backbone of ``<model>@<file>`` or ``<model>``; UnknownName says what is wrong."""
    rest, _, wanted = rest.partition("?strides=")
    model, _, file = rest.partition("@")
    if not timm.is_model(model):
        raise UnknownName(f"timm has no model named {model!r}.")
    path = Path(file) if file else _in_the_cache(model)
    if path is None:
        raise UnknownName(
            f"timm:{model} needs its weights in a file, timm:{model}@FILE.safetensors: judging "
            f"never downloads. Fetch them with `python -m inference pull timm:{model}`."
        )
    return _built({**_spec(model), **_strides(wanted)}, read(path))


def restored(spec: dict[str, Any], tensors: Tensors) -> Backbone:
    return _built(spec, {name: torch.from_numpy(value) for name, value in tensors.items()})


def source(rest: str) -> Source:
    """Of a ``<model>``; UnknownName if nothing is published for it."""
    config = timm.get_pretrained_cfg(rest) if timm.is_model(rest) else None
    if config is None or not config.hf_hub_id:
        raise UnknownName(f"There are no weights to fetch for 'timm:{rest}': see timm's own list.")
    url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
    return Source((url,), config.license or NOT_STATED)


def _strides(wanted: str) -> dict[str, list[int]]:
    """What ``?strides=8,16`` asks for; nothing if it was not said."""
    if not wanted:
        return {}
    if not re.fullmatch(r"\d+(,\d+)*", wanted):
        raise UnknownName(f"?strides={wanted} is not a list such as ?strides=8,16.")
    return {"strides": sorted(int(one) for one in wanted.split(","))}


def _in_the_cache(model: str) -> Path | None:
    config: Any = timm.get_pretrained_cfg(model)
    if config is None or not config.hf_hub_id:
        return None
    return cached(config.hf_hub_id, "model.safetensors")


def _spec(model: str) -> dict[str, Any]:
    spec = {
        "family": "timm",
        "name": f"timm:{model}",
        "model": model,
        "options": {},
        "strides": list(STRIDES),
    }
    if model in TENSORFLOW_LIKE:
        half = [0.5] * 3
        return {**spec, "options": {"pad_type": "same"}, "mean": half, "std": half}
    config: Any = timm.get_pretrained_cfg(model)
    return {**spec, "mean": list(config.mean), "std": list(config.std)}


def _built(spec: dict[str, Any], state: Mapping[str, Tensor]) -> Backbone:
    """The network cut after the last stride, with weights; UnknownName if they do not fit."""
    levels = _levels(spec)
    network: Any = timm.create_model(
        spec["model"], features_only=True, out_indices=levels, pretrained=False, **spec["options"]
    )
    _cut_off(network)
    fill(network, needed(network, state, spec["model"]), spec["model"])
    channels = sum(network.feature_info.channels())
    return Backbone(spec, folded(network), channels, stored(network))


def _cut_off(network: Any) -> None:
    """Drop the stages behind the last one asked for; timm prunes other families itself."""
    if isinstance(network, EfficientNetFeatures):
        last = max(info["stage"] for info in network.feature_info.get_dicts())
        network.blocks = network.blocks[:last]


def _levels(spec: dict[str, Any]) -> tuple[int, ...]:
    """Which of the model's outputs have the strides wanted."""
    wanted = spec.get("strides", STRIDES_BEFORE)
    with torch.device("meta"):  # only the plan is wanted: no memory, no random numbers
        try:
            plan: Any = timm.create_model(spec["model"], features_only=True, **spec["options"])
            strides = plan.feature_info.reduction()
        except (AttributeError, RuntimeError, TypeError, AssertionError) as error:
            raise UnknownName(f"{spec['model']} gives no feature maps.") from error
    found = tuple(strides.index(stride) for stride in wanted if stride in strides)
    if len(found) < len(wanted):
        raise UnknownName(f"{spec['model']} gives no feature maps of strides {wanted}.")
    return found
