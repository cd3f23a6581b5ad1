"""Networks of a few thousand weights, random and seeded, saved as the real ones are."""

import json
from pathlib import Path

import open_clip
import torch
import transformers
from safetensors.torch import save_file

CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 4, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}

DINO = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": 56,
    "patch_size": 14,
}
SIGLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "patch_size": 16,
}

HF = {
    "dinov2": (transformers.Dinov2Config, transformers.Dinov2Model, DINO),
    "dinov2_with_registers": (
        transformers.Dinov2WithRegistersConfig,
        transformers.Dinov2WithRegistersModel,
        DINO,
    ),
    "dinov3_vit": (
        transformers.DINOv3ViTConfig,
        transformers.DINOv3ViTModel,
        {**DINO, "intermediate_size": 64, "patch_size": 16, "num_register_tokens": 3},
    ),
    "siglip": (
        transformers.SiglipVisionConfig,
        transformers.SiglipVisionModel,
        {**SIGLIP, "image_size": 64},
    ),
    "siglip2": (
        transformers.Siglip2VisionConfig,
        transformers.Siglip2VisionModel,
        {**SIGLIP, "num_patches": 16},
    ),
}


def clip(folder: Path, name: str = "tiny-clip", *, quick_gelu: bool = False) -> str:
    """The backbone name of a CLIP with four blocks, patches of 16 pixels and 32 joint dimensions."""
    (folder / f"{name}.json").write_text(json.dumps({**CLIP, "quick_gelu": quick_gelu}))
    open_clip.add_model_config(folder / f"{name}.json")
    torch.manual_seed(0)
    file = folder / "clip.safetensors"
    save_file(open_clip.CLIP(**CLIP).state_dict(), file)
    return f"open_clip:{name}/{file}"


def hf(folder: Path, kind: str) -> str:
    """The backbone name of a vision transformer with four blocks, in a folder of its own."""
    config, model, options = HF[kind]
    torch.manual_seed(0)
    target = folder / kind
    model(config(**options)).save_pretrained(target)
    eyes = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.2]}
    (target / "preprocessor_config.json").write_text(json.dumps(eyes))
    return f"hf:{target}"
