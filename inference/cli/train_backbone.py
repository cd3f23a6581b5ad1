"""train-backbone: teach the small network behind ``builtin``, from drawn scenes.

The folder that it writes holds ``backbone.safetensors`` (open it with ``builtin:FILE``),
``card.json`` (how it came about), ``curve.png``, ``scenes.png`` (what it was taught with) and the
checkpoint from which a stopped run goes on.
"""

import argparse
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from inference.backbones.backbone import half
from inference.cli.output import bar, emit
from inference.cli.places import refuse_unwritable
from inference.devices import chosen
from inference.learning.checkpoint import KEY, BadCheckpoint
from inference.threads import cores
from inference.training import curve
from inference.training.lessons import BATCH, SIDE, first_seed
from inference.training.run import (
    Run,
    Settings,
    as_always,
    finish,
    learning_threads,
    steps_in,
)
from inference.training.scenes import scenes
from inference.training.teacher import Teacher

RECIPE = 1  # raise it with any change that makes another file of the same seed and steps
LICENCE = "Apache-2.0"
MINUTES = 90
CHECKPOINT = "checkpoint.safetensors"
SHOWN = 8  # scenes in a row and in a column of the sheet


def run(options: argparse.Namespace) -> int:
    refuse_unwritable(options.out, "a backbone")
    device = chosen(options.device)
    with as_always(device):
        teacher = Teacher.of(options.teacher, device)
    settings = Settings(teacher, options.seed, device, _fingerprint(options.seed, teacher, device))
    options.out.mkdir(parents=True, exist_ok=True)
    taught = _begun_or_gone_on(options, settings)
    emit(f"{taught.steps - taught.step} of {taught.steps} steps to go on {device}")
    _draw_scenes(options.out / "scenes.png", options.seed)
    with bar("train", "step") as progress:
        finish(taught, settings, progress, lambda so_far: _keep(options.out, so_far, settings))
    name = _write(options, taught, settings)
    emit(f"{options.out}: {taught.steps} steps of {BATCH} scenes, repeat with --steps")
    emit(f"unexplained: {_shares(taught)}")
    emit(f"use it: --backbone builtin:{options.out / 'backbone.safetensors'}")
    emit(f"sha256: {name}")
    return 0


def _begun_or_gone_on(options: argparse.Namespace, settings: Settings) -> Run:
    path = options.out / CHECKPOINT
    found = Run.gone_on(path, settings)
    if found is None:
        steps = options.steps or steps_in(options.minutes or MINUTES, settings)
        return Run.begun(settings.seed, steps, settings.device)
    if options.steps not in (None, found.steps):
        raise BadCheckpoint(
            f"{path} is of a run of {found.steps} steps: remove it or leave --steps away."
        )
    return found


def _keep(out: Path, taught: Run, settings: Settings) -> None:
    taught.write(out / CHECKPOINT, settings)
    if taught.curve:
        curve.draw(out / "curve.png", taught.curve)


def _write(options: argparse.Namespace, taught: Run, settings: Settings) -> str:
    """Weights and card; the sha256 of the weights."""
    state = taught.learnt(settings.teacher)
    about = {"recipe": RECIPE, "seed": settings.seed, "steps": taught.steps, "licence": LICENCE}
    content = save(
        {name: half(value).cpu().contiguous() for name, value in state.items()},
        {KEY: json.dumps(about, sort_keys=True)},  # one: several would lie in any order
    )
    name = hashlib.sha256(content).hexdigest()
    (options.out / "backbone.safetensors").write_bytes(content)
    card = {**about, **_circumstances(options, taught, settings), "sha256": name}
    (options.out / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    return name


def _circumstances(options: argparse.Namespace, taught: Run, settings: Settings) -> dict[str, Any]:
    return {
        "teacher": options.teacher.partition("@")[0],
        "scenes": taught.steps * BATCH,
        "side": SIDE,
        "parameters": sum(one.numel() for one in taught.pupil.parameters()),
        "bytes": sum(2 * one.numel() for one in taught.pupil.state_dict().values()),
        "minutes": round(taught.seconds / 60, 1),
        "device": _name(settings.device),
        "cores": cores(),
        "torch": torch.__version__,
        "unexplained": taught.curve[-1][1:] if taught.curve else None,
    }


def _shares(taught: Run) -> str:
    last = taught.curve[-1][1:] if taught.curve else []
    return ", ".join(f"{share:.3f}" for share in last) or "not known after so few steps"


def _draw_scenes(path: Path, seed: int) -> None:
    first, cpu = first_seed(seed), torch.device("cpu")
    drawn = torch.cat([scenes(first + step, BATCH, SIDE, cpu) for step in range(SHOWN**2 // BATCH)])
    rows = drawn.permute(0, 2, 3, 1).reshape(SHOWN, SHOWN, SIDE, SIDE, 3).transpose(1, 2)
    sheet = rows.reshape(SHOWN * SIDE, SHOWN * SIDE, 3).numpy()
    Image.fromarray((255 * sheet).round().astype(np.uint8)).save(path)


def _fingerprint(seed: int, teacher: Teacher, device: torch.device) -> str:
    """Of the run: the same recipe, seed and teacher, and whatever else makes the same sums."""
    where = f"{_name(device)} {learning_threads() if device.type == 'cpu' else ''}"
    return f"{RECIPE} {seed} {teacher.backbone.digest()} {where} {torch.__version__}"


def _name(device: torch.device) -> str:
    on_gpu = device.type == "cuda"
    return torch.cuda.get_device_name(device) if on_gpu else platform.machine()
