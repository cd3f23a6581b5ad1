"""anomalib's PatchCore, as its own code runs it; started with the interpreter that has anomalib.

python peer_patchcore.py WEIGHTS SEED TRAIN... -- TEST...   prints one JSON object: seconds and scores.
Pictures are read from disk in both parts, as for ours.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import timm
import torch
from anomalib.models.image.patchcore.torch_model import PatchcoreModel
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

SIZE, CORESET, BATCH = 256, 0.01, 32
LAYERS = ("blocks.2", "blocks.4")


class Mobilenet(nn.Module):
    """The same layers with the given weights; what stands behind them would cost it time.

    anomalib opens a backbone by its name with timm's own options, which are not those of these
    weights (padding), so this takes the place of its extractor.
    """

    def __init__(self, weights: str) -> None:
        super().__init__()
        self.network = timm.create_model(
            "mobilenetv2_100", features_only=True, out_indices=(2, 3), pad_type="same"
        )
        self.network.blocks = self.network.blocks[:5]
        state = {name: value.float() for name, value in load_file(weights).items()}
        needed = self.network.state_dict()
        self.network.load_state_dict({n: v for n, v in state.items() if n in needed})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        return dict(zip(LAYERS, self.network(pictures), strict=True))


def batch(paths: Sequence[str]) -> Tensor:
    pictures = [np.asarray(Image.open(p).convert("RGB").resize((SIZE, SIZE), 2)) for p in paths]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.inference_mode()
def main() -> None:
    weights, seed, *names = sys.argv[1:]
    cut = names.index("--")
    train, test = names[:cut], names[cut + 1 :]
    torch.manual_seed(int(seed))
    model = PatchcoreModel(LAYERS, "mobilenetv2_100", pre_trained=False)
    model.feature_extractor = Mobilenet(weights).eval()
    started = time.perf_counter()
    model.train()
    model.feature_extractor.eval()
    for start in range(0, len(train), BATCH):
        model(batch(train[start : start + BATCH]))
    model.subsample_embedding(CORESET)
    fitted = time.perf_counter() - started
    model.eval()
    model(batch(test[:1]))
    speeds, scores = [], []
    for step in (1, 8):  # whichever suits it better
        started = time.perf_counter()
        found = [model(batch(test[at : at + step])) for at in range(0, len(test), step)]
        speeds.append(len(test) / (time.perf_counter() - started))
        scores = [float(score) for each in found for score in each.pred_score.flatten()]
    told = {"fit_seconds": fitted, "images_per_second": max(speeds), "by_batch": speeds}
    values = int(model.memory_bank.numel())
    print(json.dumps({**told, "bank": values, "scores": scores, "torch": torch.__version__}))


if __name__ == "__main__":
    Path(sys.argv[1]).stat()
    main()
