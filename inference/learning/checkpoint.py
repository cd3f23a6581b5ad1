"""The state of a fit on disk, so that one that was killed goes on where it was.

One safetensors file; what is no tensor stands as JSON in its header. It is replaced in one step:
after a crash there is the old state or the new one, never half of it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from inference.faults import Fault

KEY = "andon"


class BadCheckpoint(Fault):
    """The file cannot be written, or is no checkpoint of this fit."""


def write(path: Path, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Replace the file; BadCheckpoint if its folder cannot be used."""
    content = save(
        {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
        {KEY: json.dumps(dict(values), sort_keys=True)},
    )
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise BadCheckpoint(
            f"The checkpoint {path} cannot be written: {error.strerror}."
        ) from error


def read(path: Path, fingerprint: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Values and tensors; None without a file. BadCheckpoint if it is of another fit."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            values = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadCheckpoint(f"{path} is not a checkpoint: remove it or name another.") from error
    if not isinstance(values, dict) or values.get("fingerprint") != fingerprint:
        raise BadCheckpoint(
            f"{path} is of a fit with other pictures, weights or settings, or of another machine: "
            "remove it or name another."
        )
    return values, tensors


def of_optimiser(optimiser: Optimizer, under: str = "optimiser") -> dict[str, Tensor]:
    """What it remembers of each parameter, as tensors to write."""
    return {
        f"{under}.{number}.{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def into_optimiser(
    optimiser: Optimizer, tensors: Mapping[str, Tensor], under: str = "optimiser"
) -> None:
    """The way back from ``of_optimiser``; the learning rate stays its own."""
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in named(under, tensors).items():
        number, _, moment = name.partition(".")
        states.setdefault(int(number), {})[moment] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})


def named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors below a prefix, without it."""
    start = f"{prefix}."
    return {n.removeprefix(start): v for n, v in tensors.items() if n.startswith(start)}
